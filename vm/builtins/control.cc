// Errors, leaving the program, and where it runs.
#include "vm/builtins/arguments.h"
#include "vm/builtins/builtins.h"
#include "vm/code.h"
#include "vm/exception.h"
#include "vm/features.h"
#include "vm/printer.h"

namespace eta {
namespace {

// What error was called with, for error-object-message and its like.
Value ErrorFields(Vm& vm, Args args) {
  RootVector fields(vm.heap());
  const Value message[] = {vm.Symbol("message"), args[0]};
  fields.push_back(vm.heap().List(message));
  const Root list(vm.heap(), vm.heap().List(args.subspan(1)));
  const Value irritants[] = {vm.Symbol("irritants"), list};
  fields.push_back(vm.heap().List(irritants));
  return vm.heap().List(fields.span());
}

Value Error(Vm& vm, Args args) {
  std::string message =
      IsString(args[0]) ? std::string(StringView(args[0])) : ToText(vm, args[0], PrintMode::kWrite);
  for (Value irritant : args.subspan(1)) {
    message += ' ';
    Print(vm, irritant, PrintMode::kWrite, &message);
  }
  if (args.size() == 1 && IsString(args[0])) return vm.Fail(kUserError, std::move(message));
  return vm.FailWith(kUserError, std::move(message), ErrorFields(vm, args));
}

// Those of files and of reading have ((file #t)) or ((read #t)).
Value FieldsOfError(Vm& vm, Args args) { return vm.FieldsOf(args[0]); }

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

Value SetFinalStatus(Vm& vm, Args args) {
  const auto status = IndexBelow(args[0], 256);
  if (!status) return Wrong(vm, "%set-final-status!", "status must be from 0 to 255");
  vm.final_status = static_cast<int>(*status);
  return Value::Nil();
}

Value TestTook(Vm& vm, Args args) {
  if (!IsNumber(args[1])) return Wrong(vm, "%test-took!", "nanoseconds must be a number");
  if (vm.on_test) vm.on_test(ToText(vm, args[0], PrintMode::kDisplay), ToDouble(args[1]) * 1e-9);
  return Value::Nil();
}

// Of a procedure's last form, which tells where a call stood that replaced the procedure's frame.
Value ProcedureSpan(Vm& vm, Args args) {
  const auto* closure = As<ClosureObject>(args[0]);
  if (closure == nullptr || closure->code->places.empty()) return Value::Nil();
  return vm.SpanValue(closure->code->places.back().span);
}

Value ValuesP(Vm& vm, Args args) { return args.size() == 1 ? args[0] : vm.heap().Values(args); }

Value Compile(Vm& vm, Args args) {
  auto procedure = vm.CompileExpression(args[0]);
  return procedure ? *procedure : vm.Fail(kUserError, std::move(procedure.error().message));
}

Value RaiseContinuable(Vm& vm, Args args) { return vm.RaiseContinuable(args[0]); }

Value ExceptionPayload(Vm& vm, Args args) {
  const Vm::Pending* pending = ExceptionIn(args[0]);
  if (!pending) return Wrong(vm, "%exception-payload", "argument is not an exception");
  return vm.Payload(*pending);
}

Value Reraise(Vm& vm, Args args) {
  const Vm::Pending* pending = ExceptionIn(args[0]);
  if (!pending) return Wrong(vm, "%reraise", "argument is not an exception");
  return vm.Resume(*pending);
}

// How many arguments a procedure takes: whether it is that many.
Value Accepts(Vm& vm, Args args) {
  if (!args[1].IsInt()) return Wrong(vm, "%accepts?", "argument count must be an integer");
  const int64_t count = args[1].AsInt();
  if (const auto* closure = As<ClosureObject>(args[0])) {
    const int64_t required = closure->code->required_args;
    return Value::Bool(count == required || (closure->code->has_rest && count > required));
  }
  if (const auto* native = As<NativeObject>(args[0])) {
    return Value::Bool(count >= native->def->min_args &&
                       (native->def->max_args == kAnyCount || count <= native->def->max_args));
  }
  return Value::Bool(Is(args[0], ObjectKind::kContinuation));
}

Value ArityError(Vm& vm, Args args) {
  return vm.Fail(kInvalidArity, ToText(vm, args[0], PrintMode::kDisplay));
}

Value Features(Vm& vm, Args) {
  RootVector names(vm.heap());
  for (std::string_view name : FeatureNames()) names.push_back(vm.Symbol(name));
  return vm.heap().List(names.span());
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
    {"%error-fields", FieldsOfError, 1, 1,
     "(%error-fields e): what more is known of the error that catch delivered, as an alist"},
    {"%type-error", TypeError, 1, 1, "(%type-error message): raises runtime.type-error"},
    {"exit", Exit, 0, 1, "(exit [status]): ends the program; #t is 0, #f is 1"},
    {"%set-final-status!", SetFinalStatus, 1, 1,
     "(%set-final-status! n): makes the program exit with n when it runs to its end"},
    {"%test-took!", TestTook, 2, 2,
     "(%test-took! name ns): tells who runs the tests how long one took"},
    {"%procedure-span", ProcedureSpan, 1, 1,
     "(%procedure-span f): where its last form stands, () if unknown"},
    {"raise-continuable", RaiseContinuable, 1, 1,
     "(raise-continuable v): raises v; what an exception handler returns is the value"},
    {"%exception-payload", ExceptionPayload, 1, 1,
     "(%exception-payload exception): what catch would have delivered"},
    {"%reraise", Reraise, 1, 1, "(%reraise exception): raises it again, as it was"},
    {"%accepts?", Accepts, 2, 2, "(%accepts? f n): whether f can be called with n arguments"},
    {"%arity-error", ArityError, 1, 1, "(%arity-error message): raises runtime.invalid-arity"},
    {"%values", ValuesP, 0, kAnyCount, "(%values v ...): all of the arguments as results"},
    {"%compile", Compile, 1, 1, "(%compile datum): a procedure that evaluates the expression"},
    {"features", Features, 0, 0, "(features): what cond-expand knows to be there"},
    {"platform", Platform, 0, 0, "(platform): Linux, Darwin, Win32 or Unknown"},
};

}  // namespace

std::span<const NativeDef> ControlBuiltins() { return kNatives; }

}  // namespace eta
