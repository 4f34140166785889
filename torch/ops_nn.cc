// Modules and losses.
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

Value SetTraining(Call& call, const ModulePtr& module, bool training) {
  module->SetTraining(training);
  return call.args()[0];
}

std::vector<Tensor> ParameterTensors(const Module& module) {
  std::vector<Tensor> tensors;
  for (NamedParameter& parameter : module.Parameters()) tensors.push_back(parameter.tensor);
  return tensors;
}

constexpr NativeDef kOps[] = {
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

const OpTable table(kOps);

}  // namespace

}  // namespace eta::tensor
