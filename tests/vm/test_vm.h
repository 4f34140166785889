// A VM for tests, whose streams are strings.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "vm/diagnostics.h"
#include "vm/vm.h"

namespace eta {

// What went through a VM's streams. Outlives the VM.
struct Streams {
  std::string input;  // what is still to be read
  std::string output;
  std::string errors;
  bool writes_files = true;
};

class TestConsole : public Console {
 public:
  explicit TestConsole(Streams* streams) : streams_(*streams) {}
  void WriteOut(std::string_view bytes) override { streams_.output += bytes; }
  void WriteError(std::string_view bytes) override { streams_.errors += bytes; }
  void Flush() override {}
  std::string ReadLine() override {
    const size_t newline = streams_.input.find('\n');
    const size_t end = newline == std::string::npos ? streams_.input.size() : newline + 1;
    std::string line = streams_.input.substr(0, end);
    streams_.input.erase(0, end);
    return line;
  }
  bool WritesFile(std::string_view path) override {
    if (!streams_.writes_files) streams_.errors.append(path).append("\n");
    return streams_.writes_files;
  }

 private:
  Streams& streams_;
};

class TestVm {
 public:
  explicit TestVm(Vm::Options options = {}) : vm_(WithConsole(std::move(options))) {}

  Vm& vm() { return vm_; }
  Heap& heap() { return vm_.heap(); }
  Streams& streams() { return streams_; }

  // Runs the text as a program; what it printed, followed by its error if it failed.
  std::string Run(std::string_view program) {
    streams_.output.clear();
    const bool ran = vm_.RunText(program, "test.eta");
    return ran ? streams_.output : streams_.output + RenderFailure(vm_, {});
  }

  // The value of an expression, as write shows it, or the message of its runtime error.
  std::string Eval(std::string_view expression) {
    const std::string program = "(write " + std::string(expression) + ")";
    streams_.output.clear();
    if (vm_.RunText(program, "test.eta")) return streams_.output;
    const bool compiled = vm_.diagnostic().message.empty();
    return "error: " + (compiled ? PendingMessage(vm_.pending()) : vm_.diagnostic().message);
  }

 private:
  Vm::Options WithConsole(Vm::Options options) {
    options.console = std::make_unique<TestConsole>(&streams_);
    return options;
  }

  Streams streams_;
  Vm vm_;
};

}  // namespace eta
