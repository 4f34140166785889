// Errors, leaving the program, and where it runs.
#include "vm/builtins/arguments.h"
#include "vm/builtins/builtins.h"
#include "vm/printer.h"

namespace eta {
namespace {

Value Error(Vm& vm, Args args) {
  std::string message = IsString(args[0]) ? std::string(StringView(args[0]))
                                          : ToText(vm, args[0], PrintMode::kWrite);
  for (Value irritant : args.subspan(1)) {
    message += ' ';
    Print(vm, irritant, PrintMode::kWrite, &message);
  }
  return vm.Fail(kUserError, std::move(message));
}

// For procedures of the library that are written in the language.
Value TypeError(Vm& vm, Args args) {
  return vm.TypeError(IsString(args[0]) ? std::string(StringView(args[0]))
                                        : ToText(vm, args[0], PrintMode::kWrite));
}

Value Exit(Vm& vm, Args args) {
  const Value status = args.empty() ? Value::True() : args[0];
  if (status.IsBool()) return vm.Exit(status.IsTrue() ? 0 : 1);
  if (!IsInteger(status)) return Wrong(vm, "exit", "status must be an integer or a boolean");
  return vm.Exit(static_cast<int>(ToInt64(status) & 0xFF));
}

Value Platform(Vm& vm, Args) {
#if defined(__linux__)
  return vm.Symbol("Linux");
#elif defined(__APPLE__)
  return vm.Symbol("Darwin");
#elif defined(_WIN32)
  return vm.Symbol("Win32");
#else
  return vm.Symbol("Unknown");
#endif
}

constexpr NativeDef kNatives[] = {
    {"error", Error, 1, kAnyCount,
     "(error message irritant ...): raises runtime.user-error with the message and the irritants"},
    {"%type-error", TypeError, 1, 1, "(%type-error message): raises runtime.type-error"},
    {"exit", Exit, 0, 1, "(exit [status]): ends the program; #t is 0, #f is 1"},
    {"platform", Platform, 0, 0, "(platform): Linux, Darwin, Win32 or Unknown"},
};

}  // namespace

std::span<const NativeDef> ControlBuiltins() { return kNatives; }

}  // namespace eta
