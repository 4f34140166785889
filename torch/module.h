// Modules: functions of one tensor that have parameters. A module knows its children and its own
// parameters; all else (naming, moving, collecting) is written once over that.
#pragma once

#include <ATen/core/Tensor.h>

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "torch/context.h"
#include "vm/vm.h"

namespace eta {
class Transfer;
}

namespace eta::tensor {

// A parameter with its path from the root module, "0.weight".
struct NamedParameter {
  std::string name;
  Tensor tensor;
};

// Shared by the programs' values, parent modules and optimizers. The graph of modules is acyclic.
// Thread safety: the isolate's thread.
class Module {
 public:
  virtual ~Module() = default;
  Module& operator=(const Module&) = delete;

  // May throw what libtorch throws. Random draws come from `context`.
  virtual Tensor Forward(TensorContext& context, const Tensor& input) = 0;

  // The parameters of this module and its children, in order, each tensor once even when a child
  // is shared.
  std::vector<NamedParameter> Parameters() const;

  // A copy that still shares parameters and children with this one: copy construction.
  virtual std::shared_ptr<Module> CopySelf() const = 0;

  bool training() const { return training_; }
  // Of this module and all below it.
  void SetTraining(bool training);
  // Moves all parameters and their gradients in place: handles to them stay valid.
  void MoveTo(TensorContext& context, c10::Device device);

 protected:
  Module() = default;
  Module(const Module&) = default;

  std::vector<NamedParameter> own_parameters_;  // names without a path
  std::vector<std::shared_ptr<Module>> children_;

 private:
  friend class EvaluationMode;
  friend std::shared_ptr<Module> CopyModule(Transfer&, const std::shared_ptr<Module>&);
  void Collect(const std::string& path, std::vector<NamedParameter>* out) const;

  bool training_ = true;
};

// While in scope `module` and all below it are in evaluation mode; then each has its own mode
// again.
class EvaluationMode {
 public:
  explicit EvaluationMode(Module& module) { Enter(module); }
  ~EvaluationMode() {
    for (Module* module : were_training_) module->training_ = true;
  }
  EvaluationMode(const EvaluationMode&) = delete;
  EvaluationMode& operator=(const EvaluationMode&) = delete;

 private:
  void Enter(Module& module);

  std::vector<Module*> were_training_;
};

// y = x W^T + b on the last axis; W (out, in) and b (out) uniform in +-1/sqrt(in), drawn as
// float32.
std::shared_ptr<Module> MakeLinear(TensorContext& context, int64_t in, int64_t out);
std::shared_ptr<Module> MakeSequential(std::vector<std::shared_ptr<Module>> children);
std::shared_ptr<Module> MakeRelu();
std::shared_ptr<Module> MakeSigmoid();
// Zeroes elements with this probability while training, and scales the others by 1/(1-p).
std::shared_ptr<Module> MakeDropout(double probability);

// Modules as values, printed #<nn-module>.
extern const ForeignType kModuleType;
Value WrapModule(Vm& vm, std::shared_ptr<Module> module);
// The module in `v`, or null if it is not one.
inline const std::shared_ptr<Module>* ModuleIn(Value v) {
  return static_cast<const std::shared_ptr<Module>*>(ForeignData(v, &kModuleType));
}

}  // namespace eta::tensor
