#include "tools/test_runner.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <deque>
#include <filesystem>
#include <memory>
#include <system_error>
#include <thread>
#include <unordered_map>
#include <utility>

#include "tools/program.h"
#include "vm/diagnostics.h"
#include "vm/vm.h"

namespace eta {
namespace {

namespace fs = std::filesystem;

// Keeps what a test prints; it reads nothing.
class CapturingConsole : public Console {
 public:
  CapturingConsole(std::string* output, std::string* errors) : output_(output), errors_(errors) {}
  void WriteOut(std::string_view bytes) override { output_->append(bytes); }
  void WriteError(std::string_view bytes) override { errors_->append(bytes); }
  void Flush() override {}
  std::string ReadLine() override { return ""; }

 private:
  std::string* output_;
  std::string* errors_;
};

// std.test knows the line; which file it is of is said here.
void NameFile(const std::string& name, std::vector<TestCase>* cases) {
  for (TestCase& test : *cases) {
    auto& lines = test.details;
    const auto line = std::find_if(lines.begin(), lines.end(), [](const std::string& detail) {
      return detail.starts_with("  line: ");
    });
    if (line != lines.end()) lines.insert(line, "  file: " + name);
  }
}

// What a program says that ended with this status.
std::vector<TestCase> CasesOf(std::string_view output, int status, const std::string& name) {
  std::vector<TestCase> cases = ParseTap(output);
  if (status == 0 && cases.empty()) return {{.ok = true, .name = name + " (no TAP output)"}};
  const bool ok = std::all_of(cases.begin(), cases.end(), [](const auto& c) { return c.ok; });
  if (status != 0 && ok) {
    const std::string number = std::to_string(status);
    cases.push_back({.name = name + " (exit " + number + ")", .failure = "Exited with " + number});
  }
  return cases;
}

// How long the tests took that std.test ran, by name, in the order of their runs.
using TestTimes = std::unordered_map<std::string, std::deque<double>>;

void AddTimes(TestTimes times, std::vector<TestCase>* cases) {
  for (TestCase& test : *cases) {
    std::deque<double>& left = times[test.name];
    if (left.empty()) continue;
    test.seconds = left.front();
    left.pop_front();
  }
}

bool IsTestName(const std::string& name) {
  return name.ends_with(".test.eta") || name.ends_with("_smoke.eta");
}

}  // namespace

Expected<std::vector<std::string>, std::string> FindTests(const std::string& path) {
  std::error_code error;
  std::vector<std::string> found;
  if (!fs::exists(path, error)) return Unexpected("path does not exist: \"" + path + "\"");
  if (!fs::is_directory(path, error)) {
    if (path.ends_with(".eta")) found.push_back(path);
    return found;
  }
  for (const auto& entry : fs::recursive_directory_iterator(path, error)) {
    const bool is_test = IsTestName(entry.path().filename().string());
    if (is_test && entry.is_regular_file(error)) found.push_back(entry.path().string());
  }
  std::sort(found.begin(), found.end());
  return found;
}

Expected<TestRun, std::string> RunTest(const std::string& file, const TestSettings& settings) {
  const auto start = std::chrono::steady_clock::now();
  auto options = VmOptionsFromEnvironment(settings.module_path, 1);
  if (!options) return Unexpected(std::move(options.error()));
  TestRun run;
  std::string output;
  run.result.name = fs::path(file).filename().string();
  options->console = std::make_unique<CapturingConsole>(&output, &run.errors);
  Vm vm(std::move(*options));
  parallel::PrepareVm(vm, settings.host);
  TestTimes times;
  vm.on_test = [&times](std::string_view name, double seconds) {
    times[std::string(name)].push_back(seconds);
  };
  const bool ran = vm.RunFile(file);
  if (!ran) run.failure = RenderFailure(vm, {});
  const std::string& name = run.result.name;
  if (!run.failure.empty()) {
    run.result.cases = {{.name = name + " (load error)", .failure = "File failed to load/execute"}};
  } else {
    run.result.cases = CasesOf(output, ran ? 0 : vm.pending().status, name);
    NameFile(name, &run.result.cases);
    AddTimes(std::move(times), &run.result.cases);
  }
  run.result.seconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  return run;
}

std::vector<Expected<TestRun, std::string>> RunTests(const std::vector<std::string>& files,
                                                     const TestSettings& settings, int jobs) {
  std::vector<Expected<TestRun, std::string>> runs(files.size(), TestRun{});
  std::atomic<size_t> next{0};
  const auto work = [&] {
    for (size_t i = next++; i < files.size(); i = next++) runs[i] = RunTest(files[i], settings);
  };
  std::vector<std::thread> others;
  for (int i = 1; i < jobs; ++i) others.emplace_back(work);
  work();
  for (std::thread& thread : others) thread.join();
  return runs;
}

void FilterCases(const std::string& file, const std::string& text, TestRun* run) {
  if (file.find(text) != std::string::npos) return;
  std::erase_if(run->result.cases, [&](const TestCase& test) {
    const bool died = !test.ok && !test.failure.empty();
    return !died && test.name.find(text) == std::string::npos;
  });
}

}  // namespace eta
