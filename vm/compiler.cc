#include "vm/compiler.h"

#include "vm/analyzer.h"
#include "vm/emitter.h"
#include "vm/verifier.h"
#include "vm/vm.h"

namespace eta {
namespace {

// A finding is a bug of the emitter: better to stop here than to run off the registers.
void CheckAll(const Code& code, size_t global_count) {
  if (auto finding = Verify(code, global_count)) {
    std::fprintf(stderr, "bytecode verifier: %s\n", finding->c_str());
    std::abort();
  }
  for (Value constant : code.constants) {
    if (const auto* inner = As<CodeObject>(constant)) CheckAll(*inner->code, global_count);
    if (const auto* closure = As<ClosureObject>(constant)) CheckAll(*closure->code, global_count);
  }
}

}  // namespace

Result<Value> CompileTopLevel(Vm& vm, TopLevel kind, const std::string& name,
                              std::span<const Datum* const> forms, const Module& module) {
  Ast ast;
  auto analyzed = Analyze(vm, ast, name, forms, module);
  if (!analyzed) return Unexpected(std::move(analyzed.error()));
  (*analyzed)->keeps_frame = kind == TopLevel::kModule;
  auto code = EmitProcedure(vm, **analyzed, kind == TopLevel::kBuiltins);
  if (!code) return Unexpected(std::move(code.error()));
  CheckAll(*(*code)->code, vm.globals().size());
  return Value::Of(vm.heap().Closure((*code)->code, 0));
}

}  // namespace eta
