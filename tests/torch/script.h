// Runs Eta text with the tensor operations installed, for tests.
#pragma once

#include <string>

#include "torch/bindings.h"
#include "vm/vm.h"

namespace eta::tensor {

// One VM; definitions do not carry over between calls of Run.
class Script {
 public:
  explicit Script(TensorSettings settings = {}, Heap::Options heap = {});

  // What the top-level forms in `text` write to the standard output, or "error: MESSAGE" with the
  // tag of a runtime error that is no type-error before the message.
  std::string Run(const std::string& text);
  // The value of one expression, in write form.
  std::string Eval(const std::string& expression) { return Run("(write " + expression + ")"); }

  Vm& vm() { return *vm_; }

 private:
  std::string output_;
  std::unique_ptr<Vm> vm_;
};

// Whether two written values are equal, where numbers may differ by a relative error of 1e-9: more
// than two processors' vector kernels differ, less than any wrong formula.
bool SameText(const std::string& expected, const std::string& actual);

}  // namespace eta::tensor
