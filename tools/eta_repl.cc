// eta_repl: a prompt. Each submission is a module that sees all earlier ones.
#include <signal.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <optional>
#include <string>

#include "tools/command_line.h"
#include "tools/line_editor.h"
#include "tools/program.h"
#include "tools/repl_commands.h"
#include "tools/version.h"
#include "vm/diagnostics.h"
#include "vm/printer.h"
#include "vm/reader.h"
#include "vm/vm.h"

namespace eta {
namespace {

// What Ctrl-C stops while it runs; null at the prompt, where it drops the entry.
std::atomic<Vm*> running_vm{nullptr};
std::atomic<bool> interrupted{false};

void HandleInterrupt(int) {
  Vm* vm = running_vm.load();
  if (vm == nullptr) return;
  interrupted.store(true);
  vm->RequestInterrupt();
}

// Calls that wait for input are not restarted, so that the prompt notices.
void CatchInterrupts() {
  struct sigaction action = {};
  action.sa_handler = HandleInterrupt;
  sigaction(SIGINT, &action, nullptr);
}

std::string HistoryFile() {
  if (const char* file = std::getenv("ETA_HISTORY")) return file;
  const char* home = std::getenv("HOME");
  return home != nullptr ? std::string(home) + "/.eta_history" : "";
}

class Repl {
 public:
  explicit Repl(Vm::Options options)
      : vm_(std::move(options)),
        editor_(
            {.history_file = HistoryFile(),
             .is_incomplete =
                 [](const std::string& entry) { return !IsCommand(entry) && IsIncomplete(entry); },
             .complete = [this](std::string_view prefix,
                                bool at_start) { return Complete(prefix, at_start); }}) {
    parallel::PrepareVm(vm_, Host());
    vm_.SetInterruptHook([](Vm& vm) {
      return interrupted.exchange(false) ? vm.Terminate("interrupted") : Value::Nil();
    });
    Value ignored;
    vm_.RunSubmission("(define (quit) (exit))", "__repl_0", &ignored);
  }

  // The exit status.
  int Run() {
    if (editor_.is_interactive()) {
      CatchInterrupts();
      std::printf("Eta %s\nExpressions and definitions; :help tells more, Ctrl-D ends.\n",
                  kVersion);
    }
    while (true) {
      std::fflush(stdout);
      const LineEditor::Entry entry = editor_.Read();
      if (entry.kind == LineEditor::Entry::Kind::kEnd) break;
      if (entry.text.find_first_not_of(" \t\r\n") == std::string::npos) continue;
      if (!(IsCommand(entry.text) ? Command(entry.text) : Program(entry.text))) return status_;
    }
    if (editor_.is_interactive()) std::printf("\n");
    return 0;
  }

 private:
  // False: the session is over. So are the others.
  bool Program(const std::string& text) {
    const auto value = Evaluate(text);
    if (value && !value->IsNil()) {
      const Root keep(vm_.heap(), *value);
      std::printf("=> %s\n", ToText(vm_, *value, PrintMode::kWrite).c_str());
    }
    return !over_;
  }

  bool Command(const std::string& text) {
    const bool goes_on =
        RunCommand(vm_, text, [this](const std::string& form) { return Evaluate(form); });
    return goes_on && !over_;
  }

  // The value, unrooted. Nothing: it failed, and that was said.
  std::optional<Value> Evaluate(const std::string& text) {
    Value result;
    const std::string name = "__repl_" + std::to_string(++count_);
    interrupted.store(false);
    running_vm.store(&vm_);
    const bool ran = vm_.RunSubmission(text, name, &result);
    running_vm.store(nullptr);
    vm_.console().Flush();
    if (ran) return result;
    Report();
    return std::nullopt;
  }

  void Report() {
    const std::string failure = RenderFailure(vm_, {.color = WantsColor(STDERR_FILENO)});
    over_ = failure.empty();
    status_ = over_ ? vm_.pending().status : 0;
    std::fflush(stdout);
    std::fputs(failure.c_str(), stderr);
    vm_.TakePending();
  }

  // What can be seen from here; the library's own names only for who asks for them.
  std::vector<std::string> Complete(std::string_view prefix, bool at_start) {
    std::vector<std::string> found;
    const auto add = [&](std::string_view name) {
      const bool own = name.starts_with('%') && !prefix.starts_with('%');
      if (name.starts_with(prefix) && !own) found.emplace_back(name);
    };
    if (at_start && prefix.starts_with(':')) {
      for (const std::string& name : CommandNames()) add(name);
      return found;
    }
    for (std::string_view name : vm_.VisibleNames()) add(name);
    std::sort(found.begin(), found.end());
    found.erase(std::unique(found.begin(), found.end()), found.end());
    return found;
  }

  Vm vm_;
  LineEditor editor_;
  int count_ = 0;
  bool over_ = false;
  int status_ = 0;
};

int Main(const Arguments& arguments) {
  std::string path;
  bool help = false;
  CLI::App app{"eta_repl [OPTION...]\nReads, runs and prints.\n"};
  SetUpCommandLine(app);
  CLI::Option* path_option =
      app.add_option("--path", path, "where modules are looked for")->type_name("DIRS");
  bool strict_shadows = false;
  app.add_flag("--strict-shadows", strict_shadows,
               "refuse to import a module that is in more than one place");
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
  options->strict_shadows = strict_shadows;
  return Repl(std::move(*options)).Run();
}

}  // namespace
}  // namespace eta

int main(int argc, char** argv) {
  eta::EnterCallersDirectory();
  return eta::FinishOutput(eta::Main(eta::Arguments(argv + 1, argv + argc)));
}
