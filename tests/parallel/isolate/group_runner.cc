#include "tests/parallel/isolate/group_runner.h"

#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <utility>

#include "vm/diagnostics.h"

namespace eta::parallel {
namespace {

// A FILE that writes to memory.
class MemoryFile {
 public:
  MemoryFile() : file_(open_memstream(&text_, &size_)) { ETA_CHECK(file_ != nullptr); }
  ~MemoryFile() {
    std::fclose(file_);
    std::free(text_);
  }
  MemoryFile(const MemoryFile&) = delete;
  MemoryFile& operator=(const MemoryFile&) = delete;

  FILE* file() { return file_; }
  std::string Text() {
    std::fflush(file_);
    return {text_, size_};
  }

 private:
  char* text_ = nullptr;
  size_t size_ = 0;
  FILE* const file_;
};

class MemoryConsole final : public Console {
 public:
  MemoryConsole(std::string* output, std::string input)
      : output_(*output), input_(std::move(input)) {}
  void WriteOut(std::string_view bytes) override { output_ += bytes; }
  void WriteError(std::string_view bytes) override { output_ += bytes; }
  void Flush() override {}
  std::string ReadLine() override {
    const size_t newline = input_.find('\n');
    const size_t end = newline == std::string::npos ? input_.size() : newline + 1;
    std::string line = input_.substr(0, end);
    input_.erase(0, end);
    return line;
  }

 private:
  std::string& output_;
  std::string input_;
};

// A file that holds `text`, to read from its beginning.
class InputFile {
 public:
  explicit InputFile(const std::string& text) : file_(std::tmpfile()) {
    ETA_CHECK(file_ != nullptr);
    std::fwrite(text.data(), 1, text.size(), file_);
    std::rewind(file_);
  }
  ~InputFile() { std::fclose(file_); }
  InputFile(const InputFile&) = delete;
  InputFile& operator=(const InputFile&) = delete;

  int descriptor() const { return fileno(file_); }

 private:
  FILE* const file_;
};

}  // namespace

GroupRun RunGroup(GroupOptions options, const std::string& text, const std::string& input) {
  MemoryFile output, notes;
  InputFile in(input);
  SharedStreams streams(output.file(), notes.file(), in.descriptor());
  options.prepare = [size = options.size, more = options.prepare](Vm& vm, int rank) {
    PrepareVm(vm, {}, rank, size);
    more(vm, rank);
  };
  const auto begin = std::chrono::steady_clock::now();
  IsolateGroup::Outcome outcome = IsolateGroup(std::move(options), streams).Run([&](Vm& vm) {
    return vm.RunText(text, "script.eta");
  });
  const auto time = std::chrono::steady_clock::now() - begin;
  return {outcome.exit_code, output.Text(), notes.Text(), std::move(outcome.diagnostic), time};
}

std::string RunAlone(const std::string& text, int threads, const std::string& input) {
  std::string output;
  Vm::Options options;
  options.console = std::make_unique<MemoryConsole>(&output, input);
  Vm vm(std::move(options));
  PrepareVm(vm, {.extension = nullptr, .extension_names = {}, .threads = threads, .dtype = ""});
  const bool ran = vm.RunText("(import std.core) (import std.parallel)\n" + text, "script.eta");
  return ran ? output : output + RenderFailure(vm, {});
}

testing::AssertionResult Contains(const std::string& text, const std::string& part) {
  if (text.find(part) != std::string::npos) return testing::AssertionSuccess();
  return testing::AssertionFailure() << "no \"" << part << "\" in:\n" << text;
}

}  // namespace eta::parallel
