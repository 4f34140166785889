// Modules, losses and optimizers.
#include <ATen/core/Reduction.h>
#include <ATen/ops/cross_entropy_loss.h>
#include <ATen/ops/l1_loss.h>
#include <ATen/ops/mse_loss.h>

#include "torch/device.h"
#include "torch/op.h"
#include "torch/op_table.h"

namespace eta::tensor {
namespace {

using ModulePtr = std::shared_ptr<Module>;
using OptimizerPtr = std::shared_ptr<Optimizer>;

Value SetTraining(Call& call, const ModulePtr& module, bool training) {
  module->SetTraining(training);
  return call.args()[0];
}

std::vector<Tensor> ParameterTensors(const Module& module) {
  std::vector<Tensor> tensors;
  for (NamedParameter& parameter : module.Parameters()) tensors.push_back(parameter.tensor);
  return tensors;
}

constexpr NativeDef kNnOps[] = {
    Op<"nn/linear">(
        [](Call& call, int64_t in, int64_t out) { return MakeLinear(call.context(), in, out); },
        "(linear in out): a layer x W^T + b with random W (out x in) and b"),
    Op<"nn/sequential", "nn-module arguments required">(
        [](const Rest<ModulePtr>& modules) { return MakeSequential(modules.items); },
        "(sequential module ...): the modules one after the other"),
    Op<"nn/relu-layer">([] { return MakeRelu(); }, "(relu-layer): max(x, 0) as a module"),
    Op<"nn/sigmoid-layer">([] { return MakeSigmoid(); },
                           "(sigmoid-layer): 1 / (1 + e^-x) as a module"),
    Op<"nn/dropout">([](double p) { return MakeDropout(p); },
                     "(dropout p): zeroes elements with probability p while training"),
    Op<"nn/forward", "(module, tensor) required">(
        [](Call& call, const ModulePtr& module, const Tensor& x) {
          return module->Forward(call.context(), x);
        },
        "(forward module x): the module applied to x"),
    Op<"nn/parameters">([](const ModulePtr& module) { return ParameterTensors(*module); },
                        "(parameters module): its parameter tensors, a list"),
    Op<"nn/train!">(
        [](Call& call, const ModulePtr& module) { return SetTraining(call, module, true); },
        "(train! module): sets it and all in it to training mode; the module"),
    Op<"nn/eval!">(
        [](Call& call, const ModulePtr& module) { return SetTraining(call, module, false); },
        "(eval! module): sets it and all in it to evaluation mode; the module"),
    Op<"nn/module?">([](Value v) { return ModuleIn(v) != nullptr; },
                     "(module? v): whether v is a module"),
    Op<"nn/to-device", "(module, device string) required">(
        [](Call& call, const ModulePtr& module, const std::string& device) {
          module->MoveTo(call.context(), ParseDevice(device));
          return call.args()[0];
        },
        "(nn-to-device module device): moves its parameters; the module"),
    Op<"nn/mse-loss">([](const Tensor& prediction,
                         const Tensor& target) { return at::mse_loss(prediction, target); },
                      "(mse-loss prediction target): the mean squared difference"),
    Op<"nn/l1-loss">([](const Tensor& prediction,
                        const Tensor& target) { return at::l1_loss(prediction, target); },
                     "(l1-loss prediction target): the mean absolute difference"),
    Op<"nn/cross-entropy-loss">(
        [](const Tensor& logits, const Tensor& target) {
          return at::cross_entropy_loss(logits, target);
        },
        "(cross-entropy-loss logits target): against class probabilities or int64 class indices"),
};

// A finite number that is not negative.
void CheckFactor(const char* what, double value) {
  TORCH_CHECK(value >= 0 && std::isfinite(value), "invalid ", what, " ", value);
}

// Sets the option that a symbol names.
void SetSgdOption(SgdOptions* options, Value name, Value value) {
  TORCH_CHECK(IsSymbol(name), "an option is named by a symbol: 'momentum 'weight-decay 'nesterov");
  const std::string& option = SymbolName(name);
  if (option == "nesterov") {
    TORCH_CHECK(value.IsBool(), "option 'nesterov needs a boolean");
    options->nesterov = value.IsTrue();
    return;
  }
  const bool momentum = option == "momentum";
  TORCH_CHECK(momentum || option == "weight-decay", "unknown option '", option,
              " (known: 'momentum 'weight-decay 'nesterov)");
  TORCH_CHECK(IsNumber(value), "option '", option, " needs a number");
  CheckFactor(option.c_str(), ToDouble(value));
  (momentum ? options->momentum : options->weight_decay) = ToDouble(value);
}

OptimizerPtr MakeSgdOptimizer(Call& call, const ModulePtr& module, double learning_rate,
                              const Rest<Value>& rest) {
  SgdOptions options{.learning_rate = learning_rate};
  CheckFactor("learning rate", learning_rate);
  for (size_t i = 0; i < rest.items.size(); i += 2) {
    TORCH_CHECK(i + 1 < rest.items.size(), "the last option has no value");
    SetSgdOption(&options, rest.items[i], rest.items[i + 1]);
  }
  TORCH_CHECK(!options.nesterov || options.momentum > 0, "'nesterov needs a positive 'momentum");
  return std::make_shared<Optimizer>(module, MakeSgd(options), call.context().arenas());
}

OptimizerPtr MakeAdamOptimizer(Call& call, const ModulePtr& module, double learning_rate) {
  CheckFactor("learning rate", learning_rate);
  return std::make_shared<Optimizer>(module, MakeAdam({.learning_rate = learning_rate}),
                                     call.context().arenas());
}

void Step(Call& call, Optimizer& optimizer) {
  if (const auto* guard = call.vm().Attachment<StepGuard>(kStepGuard)) {
    const auto reason = (*guard)(optimizer);
    TORCH_CHECK(!reason, *reason);
  }
  optimizer.Prepare();
  call.Commit();
  optimizer.Update(optimizer.TakeGradients());
}

constexpr NativeDef kOptimOps[] = {
    Op<"optim/sgd">(
        [](Call& call, const ModulePtr& module, double learning_rate, const Rest<Value>& options) {
          return MakeSgdOptimizer(call, module, learning_rate, options);
        },
        "(sgd module rate ['momentum m] ['weight-decay w] ['nesterov #t]): gradient descent"),
    Op<"optim/adam">(
        [](Call& call, const ModulePtr& module, double learning_rate) {
          return MakeAdamOptimizer(call, module, learning_rate);
        },
        "(adam module rate): the Adam optimizer over the module's parameters"),
    Op<"optim/step!">([](Call& call, const OptimizerPtr& optimizer) { Step(call, *optimizer); },
                      "(step! optimizer): updates the parameters that have gradients"),
    Op<"optim/zero-grad!">([](const OptimizerPtr& optimizer) { optimizer->ZeroGradients(); },
                           "(optim-zero-grad! optimizer): clears the gradients"),
    Op<"optim/optimizer?">([](Value v) { return OptimizerIn(v) != nullptr; },
                           "(optimizer? v): whether v is an optimizer"),
};

const OpTable module_table(kNnOps);
const OpTable optimizer_table(kOptimOps);

}  // namespace

}  // namespace eta::tensor
