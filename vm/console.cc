#include "vm/console.h"

#include <cstdio>

#include "vm/standard_output.h"

namespace eta {
namespace {

class ProcessConsole : public Console {
 public:
  ~ProcessConsole() override { Flush(); }

  void WriteOut(std::string_view bytes) override { WriteOutput(stdout, bytes); }

  void WriteError(std::string_view bytes) override {
    Flush();
    std::fwrite(bytes.data(), 1, bytes.size(), stderr);
  }

  void Flush() override { FlushOutput(stdout); }

  std::string ReadLine() override {
    std::string line;
    int c;
    while ((c = std::fgetc(stdin)) != EOF) {
      line.push_back(static_cast<char>(c));
      if (c == '\n') break;
    }
    return line;
  }
};

}  // namespace

std::unique_ptr<Console> MakeProcessConsole() { return std::make_unique<ProcessConsole>(); }

}  // namespace eta
