#include "bench/procedure.h"

#include <cstdio>
#include <cstdlib>

#include "vm/diagnostics.h"
#include "vm/printer.h"

namespace eta {

Procedure::Procedure(Vm& vm, std::string_view text) : vm_(vm), procedure_(vm.heap()) {
  Value result;
  if (!vm.RunSubmission(text, "bench.eta", &result)) Die();
  procedure_ = result;
}

void Procedure::Check(Value argument, std::string_view expected) {
  const std::string result = ToText(vm_, Call(argument), PrintMode::kWrite);
  if (result == expected) return;
  std::fprintf(stderr, "the result is %s, not %.*s\n", result.c_str(),
               static_cast<int>(expected.size()), expected.data());
  std::exit(1);
}

void Procedure::Die() const {
  std::fputs(RenderFailure(vm_, {}).c_str(), stderr);
  std::exit(1);
}

}  // namespace eta
