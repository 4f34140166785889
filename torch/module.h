// Modules: functions of one tensor that have parameters. A module knows its children and its own
// parameters; all else (naming, moving, collecting) is written once over that.
#pragma once

#include <ATen/core/Tensor.h>
#include <c10/util/FunctionRef.h>

#include <functional>
#include <memory>
#include <span>
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

  // May throw what libtorch throws. An undefined tensor: an error has been started in the Vm, by a
  // program's procedure. Random draws come from `context`.
  virtual Tensor Forward(TensorContext& context, const Tensor& input) = 0;

  // The parameters of this module and its children, in order, each tensor once even when a child
  // is shared.
  std::vector<NamedParameter> Parameters() const;

  // Likewise the tensors that belong to it but are not trained, such as running means.
  std::vector<NamedParameter> Buffers() const;
  // Copies values into the parameters. Throws c10::Error if number or shapes do not fit.
  void LoadParameters(const std::vector<Tensor>& values);

  // Marks the values that it and its children hold.
  virtual void Trace(Marker& marker) const;
  // These values, in a fixed order; and for a copy in another Vm, which begins without: takes its
  // own off the front of `values`.
  virtual void CollectValues(std::vector<Value>* out) const;
  virtual void AdoptValues(Vm& vm, std::span<const Value>* values);

  // A copy that still shares parameters and children with this one: copy construction.
  virtual std::shared_ptr<Module> CopySelf() const = 0;

  // Whether Forward, in training mode, waits for the other ranks of a world: then all of them call
  // it equally often, a rank without rows with none.
  virtual bool MeetsOtherRanks() const;

  // Whether Forward of this module alone, given the same modes of it and its children, runs the
  // same tensor operations for all inputs of one shape, and does nothing else.
  enum class Repetition {
    kSure,
    kIfWatched,  // it calls a procedure of the program, of which a Watch can tell
    kNever,
  };
  virtual Repetition repetition() const { return Repetition::kSure; }
  // The least that is said of this module and those below it.
  Repetition Repeats() const;

  // Whether `test` is true of this module and all below it, this one first.
  bool AllOf(c10::function_ref<bool(const Module&)> test) const;

  bool training() const { return training_; }
  // Of this module and all below it.
  void SetTraining(bool training);
  // Moves all parameters, their gradients and the buffers in place: handles to them stay valid.
  void MoveTo(TensorContext& context, c10::Device device);

 protected:
  Module() = default;
  Module(const Module&) = default;

  using Tensors = std::vector<NamedParameter>;

  // Children without a name are numbered; either all have one or none.
  void AddChild(std::string name, std::shared_ptr<Module> child);

  Tensors own_parameters_, own_buffers_;  // names without a path
  std::vector<std::shared_ptr<Module>> children_;
  std::vector<std::string> child_names_;

 private:
  friend class EvaluationMode;
  void Collect(Tensors Module::*own, const std::string& path, Tensors* out) const;
  Tensors CollectAll(Tensors Module::*own) const;
  friend std::shared_ptr<Module> CopyModule(Transfer&, const std::shared_ptr<Module>&);

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
// A tensor for a parameter: uniform in +-bound, tracking gradients.
Tensor UniformParameter(TensorContext& context, at::IntArrayRef sizes, double bound);
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
