#include "parallel/isolate/no_sync.h"

#include <memory>

namespace eta::parallel {
namespace {

Value Enter(Vm& vm, Args) {
  if (vm.Attachment<NoSync>(NoSync::kKey) == nullptr) {
    vm.Attach(NoSync::kKey, std::make_shared<NoSync>());
  }
  ++vm.Attachment<NoSync>(NoSync::kKey)->depth;
  return Value::Nil();
}

Value Leave(Vm& vm, Args) {
  auto* state = vm.Attachment<NoSync>(NoSync::kKey);
  if (state == nullptr || state->depth == 0) return vm.TypeError("no-sync: left without entering");
  --state->depth;
  return Value::Nil();
}

constexpr NativeDef kNatives[] = {
    {"parallel/enter-no-sync!", Enter, 0, 0,
     "(enter-no-sync!): from here on training steps gather gradients only; see no-sync"},
    {"parallel/leave-no-sync!", Leave, 0, 0, "(leave-no-sync!): ends what enter-no-sync! began"},
};

}  // namespace

void InstallNoSync(Vm& vm) { vm.DefineNatives(kNatives); }

}  // namespace eta::parallel
