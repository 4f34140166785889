#include "vm/console.h"

#include <cstdio>

namespace eta {
namespace {

class ProcessConsole : public Console {
 public:
  ~ProcessConsole() override { Flush(); }

  void WriteOut(std::string_view bytes) override {
    std::fwrite(bytes.data(), 1, bytes.size(), stdout);
  }

  void WriteError(std::string_view bytes) override {
    Flush();
    std::fwrite(bytes.data(), 1, bytes.size(), stderr);
  }

  void Flush() override { std::fflush(stdout); }

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
