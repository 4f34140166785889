// Procedure: a procedure of the language to be measured, compiled once and called from C++.
#pragma once

#include <string_view>

#include "vm/vm.h"

namespace eta {

// Whatever goes wrong ends the process with the reason: no figure comes from a program that fails.
// Thread safety: the VM's thread.
class Procedure {
 public:
  // The value of the last form of `text`. The VM must outlive it; both are automatic variables.
  Procedure(Vm& vm, std::string_view text);
  Procedure(const Procedure&) = delete;
  Procedure& operator=(const Procedure&) = delete;

  // The result is unrooted.
  Value Call(Args args) {
    const Value result = vm_.Call(procedure_, args);
    if (result.IsFailure()) Die();
    return result;
  }
  Value Call(Value argument) { return Call(Args(&argument, 1)); }

  // Ends the process unless the result for `argument` is written as `expected`.
  void Check(Value argument, std::string_view expected);

 private:
  [[noreturn]] void Die() const;

  Vm& vm_;
  Root procedure_;
};

}  // namespace eta
