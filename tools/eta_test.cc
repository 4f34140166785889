// eta_test: runs test programs and reports their results together.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <charconv>
#include <chrono>
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
  std::string format = "tap", filter;
  int jobs = 1;
  bool timing = false;
  bool help = false;
};

std::string CheckFormat(const std::string& text) {
  return text == "tap" || text == "junit" ? "" : "expected tap or junit, not '" + text + "'";
}

std::string CheckJobs(const std::string& text) {
  int value = 0;
  const char* end = text.data() + text.size();
  const auto parsed = std::from_chars(text.data(), end, value);
  const bool good = parsed.ec == std::errc() && parsed.ptr == end && value >= 1 && value <= 256;
  return good ? "" : "expected a whole number from 1 to 256, not '" + text + "'";
}

void SetUp(CLI::App* app, TestOptions* options) {
  SetUpCommandLine(*app);
  app->add_option("--path", options->module_path, "where modules are looked for; may be repeated")
      ->type_name("DIRS");
  app->add_option("--format", options->format, "how results are printed: tap (default) or junit")
      ->type_name("FORMAT")
      ->check(CheckFormat);
  app->add_option("--filter", options->filter,
                  "report only tests whose name, or whose file's path, contains TEXT")
      ->type_name("TEXT");
  app->add_option("--jobs", options->jobs,
                  "how many files run at once, each on a machine of its own (default 1)")
      ->type_name("N")
      ->check(CheckJobs);
  app->add_flag("--timing", options->timing, "say at the end how long each file and test took");
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

struct Counts {
  size_t passed = 0, failed = 0;
};

Counts Count(const std::vector<TestFile>& files) {
  Counts counts;
  for (const TestFile& file : files) {
    for (const TestCase& test : file.cases) ++(test.ok ? counts.passed : counts.failed);
  }
  return counts;
}

// Of a file and its tests, longest first.
void PrintTimes(TestFile file) {
  std::fprintf(stderr, "%8.3f s  %s\n", file.seconds, file.name.c_str());
  std::stable_sort(file.cases.begin(), file.cases.end(),
                   [](const auto& a, const auto& b) { return a.seconds > b.seconds; });
  for (const TestCase& test : file.cases) {
    if (test.seconds < 0) continue;
    std::fprintf(stderr, "%8.3f s    %s\n", test.seconds, test.name.c_str());
  }
}

// What the run came to, on stderr: the report alone is on stdout.
void PrintSummary(std::vector<TestFile> files, double seconds, bool timing) {
  const Counts counts = Count(files);
  if (timing) {
    std::stable_sort(files.begin(), files.end(),
                     [](const auto& a, const auto& b) { return a.seconds > b.seconds; });
    for (const TestFile& file : files) PrintTimes(file);
  }
  std::fprintf(stderr, "eta-test: %zu tests in %zu files, %zu passed, %zu failed, %.2f s\n",
               counts.passed + counts.failed, files.size(), counts.passed, counts.failed, seconds);
}

// The exit status.
int Run(const std::vector<std::string>& tests, const TestOptions& options) {
  const auto start = std::chrono::steady_clock::now();
  const TestSettings settings{Joined(options.module_path), Host(options.jobs > 1 ? 1 : 0)};
  std::vector<TestFile> files;
  auto runs = RunTests(tests, settings, options.jobs);
  for (size_t i = 0; i < runs.size(); ++i) {
    auto& run = runs[i];
    if (!run) {
      PrintError(run.error());
      return 1;
    }
    std::fputs(run->errors.c_str(), stderr);
    if (!run->failure.empty()) {
      std::fprintf(stderr, "eta-test: error in \"%s\":\n%s", run->result.name.c_str(),
                   run->failure.c_str());
    }
    if (!options.filter.empty()) FilterCases(tests[i], options.filter, &*run);
    if (!run->result.cases.empty()) files.push_back(std::move(run->result));
  }
  const std::string report = options.format == "junit" ? RenderJunit(files) : RenderTap(files);
  std::fputs(report.c_str(), stdout);
  std::fflush(stdout);
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
  PrintSummary(files, took.count(), options.timing);
  return Count(files).failed == 0 ? 0 : 1;
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
  return Run(*tests, options);
}

}  // namespace
}  // namespace eta

int main(int argc, char** argv) {
  eta::EnterCallersDirectory();
  return eta::FinishOutput(eta::Main(eta::Arguments(argv + 1, argv + argc)));
}
