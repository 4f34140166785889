// eta_test: runs test programs and reports their results together.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <optional>
#include <string>
#include <vector>

#include "tools/command_line.h"
#include "tools/program.h"
#include "tools/tap.h"
#include "tools/test_runner.h"

namespace eta {
namespace {

struct TestOptions {
  std::vector<std::string> module_path;
  std::string format = "tap";
  bool help = false;
};

std::string CheckFormat(const std::string& text) {
  return text == "tap" || text == "junit" ? "" : "expected tap or junit, not '" + text + "'";
}

void SetUp(CLI::App* app, TestOptions* options) {
  SetUpCommandLine(*app);
  app->add_option("--path", options->module_path, "where modules are looked for; may be repeated")
      ->type_name("DIRS");
  app->add_option("--format", options->format, "how results are printed: tap (default) or junit")
      ->type_name("FORMAT")
      ->check(CheckFormat);
  app->add_flag("--help,-h", options->help, "print this and exit");
}

std::optional<std::string> Joined(const std::vector<std::string>& directories) {
  if (directories.empty()) return std::nullopt;
  std::string joined;
  for (const std::string& directory : directories) joined += directory + ":";
  return joined;
}

// All tests below `paths`. Nothing: one of them does not exist, and that was said.
std::optional<std::vector<std::string>> FindAllTests(const Arguments& paths) {
  std::vector<std::string> tests;
  for (const std::string& path : paths) {
    auto found = FindTests(path);
    if (!found) {
      std::fprintf(stderr, "eta-test: %s\n", found.error().c_str());
      return std::nullopt;
    }
    tests.insert(tests.end(), found->begin(), found->end());
  }
  return tests;
}

// The exit status.
int RunTests(const std::vector<std::string>& tests, const TestOptions& options) {
  std::vector<TestFile> files;
  bool all_ok = true;
  for (const std::string& test : tests) {
    auto run = RunTest(test, Joined(options.module_path));
    if (!run) {
      PrintError(run.error());
      return 1;
    }
    if (!run->failure.empty()) {
      std::fprintf(stderr, "eta-test: error in \"%s\":\n%s", run->result.name.c_str(),
                   run->failure.c_str());
    }
    all_ok = all_ok && std::all_of(run->result.cases.begin(), run->result.cases.end(),
                                   [](const TestCase& test_case) { return test_case.ok; });
    files.push_back(std::move(run->result));
  }
  const std::string report = options.format == "junit" ? RenderJunit(files) : RenderTap(files);
  std::fputs(report.c_str(), stdout);
  return all_ok ? 0 : 1;
}

int Main(const Arguments& arguments) {
  TestOptions options;
  CLI::App app{
      "eta_test [OPTION...] [PATH...]\n"
      "Runs the tests *.test.eta and *_smoke.eta below each PATH (default .).\n"};
  SetUp(&app, &options);
  auto paths = ParseOptions(app, arguments, OptionOrder::kMixed);
  if (!paths) {
    PrintError(paths.error() + "; eta_test --help lists the options");
    return 1;
  }
  if (options.help) {
    std::fputs(app.help().c_str(), stdout);
    return 0;
  }
  const auto tests = FindAllTests(paths->empty() ? Arguments{"."} : *paths);
  if (!tests) return 1;
  if (tests->empty()) {
    std::fputs("eta-test: no *.test.eta files found\n", stdout);
    return 0;
  }
  return RunTests(*tests, options);
}

}  // namespace
}  // namespace eta

int main(int argc, char** argv) {
  eta::EnterCallersDirectory();
  return eta::Main(eta::Arguments(argv + 1, argv + argc));
}
