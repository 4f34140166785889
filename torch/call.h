// Call: one running operation, and the one place where libtorch's exceptions become errors of the
// language.
#pragma once

#include <c10/util/FunctionRef.h>

#include <string>
#include <string_view>

#include "torch/context.h"
#include "vm/vm.h"

namespace eta::tensor {

// What is fixed about an operation.
struct OpInfo {
  std::string_view name;
  // What to say when an argument does not fit, instead of what its type says; may be empty.
  std::string_view complaint;
};

// What an operation may use of its surroundings. Lives for one call.
class Call {
 public:
  Call(Vm& vm, const OpInfo& info, Args args, TensorContext& context)
      : vm_(vm), info_(info), args_(args), context_(context) {}

  Vm& vm() { return vm_; }
  TensorContext& context() { return context_; }
  Args args() const { return args_; }  // as given
  std::string_view name() const { return info_.name; }

  // Starts the type-error "NAME: reason"; return its result.
  [[nodiscard]] Value Fail(std::string_view reason);
  // The same for an argument that does not fit `expected` ("tensor required").
  [[nodiscard]] Value BadArgument(std::string_view expected);

  // From here on the operation changes what outlives it, so that it cannot be run a second time
  // after running out of memory.
  void Commit() { committed_ = true; }
  bool committed() const { return committed_; }

 private:
  Vm& vm_;
  const OpInfo& info_;
  Args args_;
  TensorContext& context_;
  bool committed_ = false;
};

// Runs an operation's body, which may throw what libtorch throws. An exception becomes the
// type-error "NAME: its first line". Out of memory: collects garbage and runs the body once more
// (unless it had committed), then runtime.heap-error.
Value RunOperation(Vm& vm, const OpInfo& info, Args args,
                   c10::function_ref<Value(Call& call)> body);

}  // namespace eta::tensor
