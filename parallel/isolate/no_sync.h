// NoSync: whether the program is inside (no-sync thunk), where training steps gather gradients on
// this replica only.
#pragma once

#include "vm/vm.h"

namespace eta::parallel {

// Thread safety: the isolate's thread.
struct NoSync {
  static constexpr const char* kKey = "parallel.no-sync";
  int depth = 0;

  static bool IsOn(const Vm& vm) {
    const auto* state = vm.Attachment<NoSync>(kKey);
    return state != nullptr && state->depth > 0;
  }
};

// Defines parallel/enter-no-sync! and parallel/leave-no-sync!.
void InstallNoSync(Vm& vm);

}  // namespace eta::parallel
