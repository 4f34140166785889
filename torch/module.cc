#include "torch/module.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/linear.h>
#include <ATen/ops/mul.h>
#include <ATen/ops/relu.h>
#include <ATen/ops/sigmoid.h>
#include <ATen/ops/zeros_like.h>

#include <algorithm>
#include <cmath>
#include <unordered_set>

#include "torch/arena.h"
#include "torch/transfer.h"

namespace eta::tensor {

// Drawn as float32 and widened, so that a seed gives the same weights for every dtype.
Tensor UniformParameter(TensorContext& context, at::IntArrayRef sizes, double bound) {
  Tensor tensor = at::empty(sizes, context.Options(at::kFloat));
  tensor.uniform_(-bound, bound, context.generator());
  return tensor.to(DefaultDtype::Use()).set_requires_grad(true);
}

namespace {

class Linear final : public Module {
 public:
  Linear(TensorContext& context, int64_t in, int64_t out) {
    TORCH_CHECK(in > 0 && out > 0, "sizes must be positive, got ", in, " and ", out);
    // Kaiming's uniform initialization with a = sqrt(5), in libtorch's own steps: they round so.
    const double gain = std::sqrt(2.0 / (1 + 5));
    const double bound = std::sqrt(3.0) * (gain / std::sqrt(static_cast<double>(in)));
    own_parameters_ = {
        {"weight", UniformParameter(context, {out, in}, bound)},
        {"bias", UniformParameter(context, {out}, 1 / std::sqrt(static_cast<double>(in)))}};
  }
  std::shared_ptr<Module> CopySelf() const override { return std::make_shared<Linear>(*this); }
  Tensor Forward(TensorContext&, const Tensor& input) override {
    return at::linear(input, own_parameters_[0].tensor, own_parameters_[1].tensor);
  }
};

class Sequential final : public Module {
 public:
  explicit Sequential(std::vector<std::shared_ptr<Module>> children) {
    children_ = std::move(children);
  }
  std::shared_ptr<Module> CopySelf() const override { return std::make_shared<Sequential>(*this); }
  Tensor Forward(TensorContext& context, const Tensor& input) override {
    Tensor x = input;
    for (const auto& child : children_) {
      x = child->Forward(context, x);
      if (!x.defined()) break;
    }
    return x;
  }
};

class Relu final : public Module {
  std::shared_ptr<Module> CopySelf() const override { return std::make_shared<Relu>(*this); }
  Tensor Forward(TensorContext&, const Tensor& input) override { return at::relu(input); }
};

class Sigmoid final : public Module {
  std::shared_ptr<Module> CopySelf() const override { return std::make_shared<Sigmoid>(*this); }
  Tensor Forward(TensorContext&, const Tensor& input) override { return at::sigmoid(input); }
};

// libtorch's own dropout takes no generator; these are its steps.
class Dropout final : public Module {
 public:
  explicit Dropout(double probability) : probability_(probability) {
    TORCH_CHECK(probability >= 0 && probability <= 1,
                "the probability must be between 0 and 1, got ", probability);
  }
  std::shared_ptr<Module> CopySelf() const override { return std::make_shared<Dropout>(*this); }
  Tensor Forward(TensorContext& context, const Tensor& input) override {
    if (!training() || probability_ == 0 || input.numel() == 0) return input;
    if (probability_ == 1) return at::mul(input, at::zeros_like(input));
    Tensor mask = at::empty_like(input);
    mask.bernoulli_(1 - probability_, context.generator(input.device()));
    return at::mul(input, mask.div_(1 - probability_));
  }

 private:
  const double probability_;
};

}  // namespace

std::vector<NamedParameter> Module::Parameters() const {
  return CollectAll(&Module::own_parameters_);
}

std::vector<NamedParameter> Module::Buffers() const { return CollectAll(&Module::own_buffers_); }

Module::Tensors Module::CollectAll(Tensors Module::*own) const {
  Tensors all;
  Collect(own, "", &all);
  std::unordered_set<const at::TensorImpl*> seen;
  std::erase_if(all, [&](const NamedParameter& parameter) {
    return !seen.insert(parameter.tensor.unsafeGetTensorImpl()).second;
  });
  return all;
}

void Module::Collect(Tensors Module::*own, const std::string& path, Tensors* out) const {
  for (const NamedParameter& tensor : this->*own) {
    out->push_back({path + tensor.name, tensor.tensor});
  }
  for (size_t i = 0; i < children_.size(); ++i) {
    const std::string name = child_names_.empty() ? std::to_string(i) : child_names_[i];
    children_[i]->Collect(own, path + name + ".", out);
  }
}

void Module::AddChild(std::string name, std::shared_ptr<Module> child) {
  children_.push_back(std::move(child));
  child_names_.push_back(std::move(name));
}

void Module::LoadParameters(const std::vector<Tensor>& values) {
  const Tensors parameters = Parameters();
  TORCH_CHECK(values.size() == parameters.size(), "the module has ", parameters.size(),
              " parameters, the list ", values.size(), " tensors");
  for (size_t i = 0; i < values.size(); ++i) {
    TORCH_CHECK(values[i].sizes() == parameters[i].tensor.sizes(), "parameter ", parameters[i].name,
                " has shape ", parameters[i].tensor.sizes(), ", the tensor ", values[i].sizes());
  }
  at::NoGradGuard no_grad;
  for (size_t i = 0; i < values.size(); ++i) parameters[i].tensor.copy_(values[i]);
}

void Module::Trace(Marker& marker) const {
  for (const auto& child : children_) child->Trace(marker);
}

void Module::CollectValues(std::vector<Value>* out) const {
  for (const auto& child : children_) child->CollectValues(out);
}

void Module::AdoptValues(Vm& vm, std::span<const Value>* values) {
  for (const auto& child : children_) child->AdoptValues(vm, values);
}

bool Module::MeetsOtherRanks() const {
  return std::any_of(children_.begin(), children_.end(),
                     [](const auto& child) { return child->MeetsOtherRanks(); });
}

Module::Repetition Module::Repeats() const {
  Repetition least = repetition();
  for (const auto& child : children_) least = std::max(least, child->Repeats());
  return least;
}

bool Module::AllOf(c10::function_ref<bool(const Module&)> test) const {
  return test(*this) && std::all_of(children_.begin(), children_.end(),
                                    [&](const auto& child) { return child->AllOf(test); });
}

void Module::SetTraining(bool training) {
  training_ = training;
  for (const auto& child : children_) child->SetTraining(training);
}

void EvaluationMode::Enter(Module& module) {
  if (module.training_) were_training_.push_back(&module);
  module.training_ = false;
  for (const auto& child : module.children_) Enter(*child);
}

void Module::MoveTo(TensorContext& context, c10::Device device) {
  at::NoGradGuard no_grad;
  for (const NamedParameter& parameter : Parameters()) {
    const Tensor& tensor = parameter.tensor;
    if (tensor.device() == device) continue;
    const Tensor gradient = VisibleGradient(*context.arenas(), tensor);
    tensor.mutable_grad().reset();
    tensor.set_data(tensor.to(device));
    if (gradient.defined()) tensor.mutable_grad() = gradient.to(device);
  }
  for (const NamedParameter& buffer : Buffers()) buffer.tensor.set_data(buffer.tensor.to(device));
}

std::shared_ptr<Module> MakeLinear(TensorContext& context, int64_t in, int64_t out) {
  return std::make_shared<Linear>(context, in, out);
}
std::shared_ptr<Module> MakeSequential(std::vector<std::shared_ptr<Module>> children) {
  return std::make_shared<Sequential>(std::move(children));
}
std::shared_ptr<Module> MakeRelu() { return std::make_shared<Relu>(); }
std::shared_ptr<Module> MakeSigmoid() { return std::make_shared<Sigmoid>(); }
std::shared_ptr<Module> MakeDropout(double probability) {
  return std::make_shared<Dropout>(probability);
}

namespace {

constexpr ForeignTransfer kTransfer = {
    .copy = [](const void* data, Transfer& transfer) -> void* {
      const auto& module = *static_cast<const std::shared_ptr<Module>*>(data);
      return Guarded(transfer, "a module",
                     [&] { return new std::shared_ptr<Module>(CopyModule(transfer, module)); });
    },
    .values =
        [](const void* data, std::vector<Value>* out) {
          (*static_cast<const std::shared_ptr<Module>*>(data))->CollectValues(out);
        },
    .adopt =
        [](Vm& vm, void* data, std::span<const Value> values) {
          (*static_cast<std::shared_ptr<Module>*>(data))->AdoptValues(vm, &values);
        },
};

}  // namespace

const ForeignType kModuleType = {
    .name = "nn-module",
    .trace = [](void* data,
                Marker& marker) { (*static_cast<std::shared_ptr<Module>*>(data))->Trace(marker); },
    .finalize = [](void* data) { delete static_cast<std::shared_ptr<Module>*>(data); },
    .transfer = &kTransfer,
};

Value WrapModule(Vm& vm, std::shared_ptr<Module> module) {
  return vm.heap().Foreign(&kModuleType, new std::shared_ptr<Module>(std::move(module)));
}

}  // namespace eta::tensor
