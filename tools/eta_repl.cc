// eta_repl: a prompt. Each submission is a module that sees all earlier ones.
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <optional>
#include <string>

#include "tools/command_line.h"
#include "tools/line_editor.h"
#include "tools/program.h"
#include "tools/version.h"
#include "vm/diagnostics.h"
#include "vm/printer.h"
#include "vm/reader.h"
#include "vm/vm.h"

namespace eta {
namespace {

class Repl {
 public:
  explicit Repl(Vm::Options options) : vm_(std::move(options)) {
    parallel::PrepareVm(vm_, Host());
    Value ignored;
    vm_.RunSubmission("(define (quit) (exit))", "__repl_0", &ignored);
  }

  // The exit status.
  int Run() {
    if (editor_.is_interactive()) {
      std::printf("Eta %s\nExpressions and definitions; (quit) or Ctrl-D ends.\n", kVersion);
    }
    while (auto text = ReadSubmission()) {
      if (text->find_first_not_of(" \t\r\n") == std::string::npos) continue;
      if (auto status = Submit(*text)) return *status;
    }
    if (editor_.is_interactive()) std::printf("\n");
    return 0;
  }

 private:
  // Lines up to where brackets, strings and comments are closed, or the input ends.
  std::optional<std::string> ReadSubmission() {
    std::string text;
    bool complete = false, any = false;
    while (!complete) {
      const auto line = editor_.ReadLine(any ? "... " : "eta> ");
      if (!line) break;
      text += (any ? "\n" : "") + *line;
      any = true;
      complete = !IsIncomplete(text);
    }
    if (!any) return std::nullopt;
    editor_.Remember(text);
    return text;
  }

  // The status when the session is over.
  std::optional<int> Submit(const std::string& text) {
    Value result;
    const std::string name = "__repl_" + std::to_string(++count_);
    if (vm_.RunSubmission(text, name, &result)) {
      const Root root(vm_.heap(), result);
      vm_.console().Flush();
      if (!result.IsNil()) {
        std::printf("=> %s\n", ToText(vm_, result, PrintMode::kWrite).c_str());
      }
    } else {
      vm_.console().Flush();
      const std::string failure = RenderFailure(vm_, {.color = WantsColor(STDERR_FILENO)});
      if (failure.empty()) return vm_.pending().status;
      std::fflush(stdout);
      std::fputs(failure.c_str(), stderr);
      vm_.TakePending();
    }
    std::fflush(stdout);
    return std::nullopt;
  }

  Vm vm_;
  LineEditor editor_;
  int count_ = 0;
};

int Main(const Arguments& arguments) {
  std::string path;
  bool help = false;
  CLI::App app{"eta_repl [OPTION...]\nReads, runs and prints.\n"};
  SetUpCommandLine(app);
  CLI::Option* path_option =
      app.add_option("--path", path, "where modules are looked for")->type_name("DIRS");
  app.add_flag("--help,-h", help, "print this and exit");
  auto words = ParseOptions(app, arguments, OptionOrder::kMixed);
  if (!words || !words->empty()) {
    PrintError(!words ? words.error() : "eta_repl takes no file: " + words->front());
    return 1;
  }
  if (help) {
    std::fputs(app.help().c_str(), stdout);
    return 0;
  }
  auto options = VmOptionsFromEnvironment(
      path_option->count() > 0 ? std::optional(path) : std::nullopt, /*vm_count=*/1);
  if (!options) {
    PrintError(options.error());
    return 1;
  }
  return Repl(std::move(*options)).Run();
}

}  // namespace
}  // namespace eta

int main(int argc, char** argv) {
  eta::EnterCallersDirectory();
  return eta::Main(eta::Arguments(argv + 1, argv + argc));
}
