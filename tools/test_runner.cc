#include "tools/test_runner.h"

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <system_error>
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
  explicit CapturingConsole(std::string* output) : output_(output) {}
  void WriteOut(std::string_view bytes) override { output_->append(bytes); }
  void WriteError(std::string_view bytes) override {
    std::fwrite(bytes.data(), 1, bytes.size(), stderr);
  }
  void Flush() override {}
  std::string ReadLine() override { return ""; }

 private:
  std::string* output_;
};

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

Expected<TestRun, std::string> RunTest(const std::string& file,
                                       const std::optional<std::string>& module_path) {
  auto options = VmOptionsFromEnvironment(module_path, 1);
  if (!options) return Unexpected(std::move(options.error()));
  TestRun run;
  std::string output;
  run.result.name = fs::path(file).filename().string();
  options->console = std::make_unique<CapturingConsole>(&output);
  Vm vm(std::move(*options));
  parallel::PrepareVm(vm, Host());
  const bool ran = vm.RunFile(file);
  if (!ran) run.failure = RenderFailure(vm, {});
  const std::string& name = run.result.name;
  if (!run.failure.empty()) {
    run.result.cases = {{.name = name + " (load error)", .failure = "File failed to load/execute"}};
  } else {
    run.result.cases = CasesOf(output, ran ? 0 : vm.pending().status, name);
  }
  return run;
}

}  // namespace eta
