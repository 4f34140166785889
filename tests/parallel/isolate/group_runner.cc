#include "tests/parallel/isolate/group_runner.h"

#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <utility>

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

testing::AssertionResult Contains(const std::string& text, const std::string& part) {
  if (text.find(part) != std::string::npos) return testing::AssertionSuccess();
  return testing::AssertionFailure() << "no \"" << part << "\" in:\n" << text;
}

}  // namespace eta::parallel
