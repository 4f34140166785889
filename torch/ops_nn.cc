// Modules.
#include "torch/device.h"
#include "torch/eta_module.h"
#include "torch/op.h"
#include "torch/op_table.h"
#include "torch/sync_batch_norm.h"

namespace eta::tensor {
namespace {

using ModulePtr = std::shared_ptr<Module>;

Value SetTraining(Call& call, const ModulePtr& module, bool training) {
  module->SetTraining(training);
  return call.args()[0];
}

std::vector<Tensor> TensorsOf(const std::vector<NamedParameter>& named) {
  std::vector<Tensor> tensors;
  for (const NamedParameter& parameter : named) tensors.push_back(parameter.tensor);
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
          const Tensor y = module->Forward(call.context(), x);
          return y.defined() ? WrapTensor(call.vm(), y) : Value::Failure();
        },
        "(forward module x): the module applied to x"),
    Op<"nn/sync-batch-norm">(
        [](Call& call, int64_t channels, double momentum, double epsilon) {
          return MakeSyncBatchNorm(call.context(), channels, momentum, epsilon);
        },
        "(nn/sync-batch-norm channels momentum epsilon): batch normalization by the statistics of "
        "all replicas' rows"),
    Op<"nn/make-module">(
        [](Call& call, Value parts, Value forward) {
          return MakeEtaModule(call.vm(), parts, forward);
        },
        "(make-module parts procedure): a module of named parameters, buffers and modules; its "
        "procedure computes the output"),
    Op<"nn/make-layer">(
        [](Call& call, Value parts, Value forward) {
          return MakeEtaModule(call.vm(), parts, forward, /*repeats=*/true);
        },
        "(nn/make-layer parts procedure): as make-module, for the library's own layers: the "
        "procedure runs the same tensor operations for all inputs of a shape and nothing else, so "
        "that training steps can be replayed"),
    Op<"nn/uniform-parameter">(
        [](Call& call, const Shape& shape, double bound) {
          return UniformParameter(call.context(), shape.sizes, bound);
        },
        "(uniform-parameter shape bound): uniform samples from [-bound, bound) that track "
        "gradients"),
    Op<"nn/parameters">([](const ModulePtr& module) { return TensorsOf(module->Parameters()); },
                        "(parameters module): its parameter tensors, a list"),
    Op<"nn/buffers">([](const ModulePtr& module) { return TensorsOf(module->Buffers()); },
                     "(buffers module): its tensors that are not trained, a list"),
    Op<"nn/load-parameters!">(
        [](Call& call, const ModulePtr& module, const std::vector<Tensor>& values) {
          call.Commit();
          module->LoadParameters(values);
          return call.args()[0];
        },
        "(load-parameters! module tensors): copies values into its parameters; the module"),
    Op<"nn/training?">([](const ModulePtr& module) { return module->training(); },
                       "(training? module): whether it is in training mode"),
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
};

const OpTable table(kOps);

}  // namespace

}  // namespace eta::tensor
