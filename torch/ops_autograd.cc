// Gradients.
#include <ATen/core/grad_mode.h>
#include <torch/csrc/autograd/autograd.h>

#include "torch/arena.h"
#include "torch/autocast.h"
#include "torch/op.h"
#include "torch/op_table.h"
#include "torch/option_list.h"

namespace eta::tensor {
namespace {

// The thunk may do anything, so there is no second try.
Value NoGrad(Call& call, Value thunk) {
  if (!IsProcedure(thunk)) return call.Fail("procedure without arguments required");
  call.Commit();
  const at::NoGradGuard off;
  return call.vm().Call(thunk, {});
}

Value WithAutocast(Call& call, at::ScalarType dtype, Value thunk) {
  TORCH_CHECK(dtype == at::kBFloat16 || dtype == at::kHalf, "bfloat16 or float16 required");
  if (!IsProcedure(thunk)) return call.Fail("procedure without arguments required");
  call.Commit();
  const Autocast on(call.context().device().type(), dtype);
  return call.vm().Call(thunk, {});
}

struct GradientOptions {
  std::vector<Tensor> vector;  // multiplied with the Jacobian; empty for a result of one element
  bool create_graph = false;
};

std::vector<Tensor> Gradients(const Tensor& y, const std::vector<Tensor>& xs,
                              const GradientOptions& options) {
  // The graph stays: a program may ask for gradients of the same result again.
  return torch::autograd::grad({y}, xs, options.vector, /*retain_graph=*/true,
                               options.create_graph);
}

// (grad-of y x) for a tensor x, or a list of them.
Value GradOf(Call& call, const Tensor& y, Value x, const Rest<Value>& rest) {
  OptionList list(rest.items);
  GradientOptions options;
  if (const auto vector = list.Take<Tensor>("vector")) options.vector = {*vector};
  options.create_graph = list.Take<bool>("create-graph").value_or(false);
  if (auto problem = list.Problem()) return call.Fail(*problem);
  if (const Tensor* one = TensorIn(x)) {
    return WrapTensor(call.vm(), Gradients(y, {*one}, options)[0]);
  }
  Arg<std::vector<Tensor>> several;
  if (!several.Read(x)) return call.Fail("tensor or list of tensors required");
  return ToValue(call.vm(), Gradients(y, several.get(), options));
}

constexpr NativeDef kOps[] = {
    Op<"torch/requires-grad!">(
        [](Call& call, const Tensor& x, Flag flag) {
          x.set_requires_grad(flag.on);
          return call.args()[0];
        },
        "(requires-grad! x flag): switches gradient tracking; x itself"),
    Op<"torch/requires-grad?">([](const Tensor& x) { return x.requires_grad(); },
                               "(requires-grad? x): whether gradients flow through x"),
    Op<"torch/detach">([](const Tensor& x) { return x.detach(); },
                       "(detach x): the same elements outside the graph"),
    Op<"torch/backward">(
        [](Call& call, const Tensor& x) {
          call.Commit();
          const NoAutocast off;
          call.context().arenas()->PayGradients();
          x.backward();
        },
        "(backward x): adds the gradient of a one-element tensor to all that it depends on"),
    Op<"torch/grad">(
        [](Call& call, const Tensor& x) {
          const Tensor gradient = VisibleGradient(*call.context().arenas(), x);
          return gradient.defined() ? WrapTensor(call.vm(), gradient) : Value::Nil();
        },
        "(grad x): its gradient, or () when there is none"),
    Op<"torch/zero-grad!">(
        [](Call& call, const Tensor& x) { ZeroVisibleGradient(*call.context().arenas(), x); },
        "(zero-grad! x): sets its gradient, if there is one, to zero"),
    Op<"torch/with-autocast">(
        [](Call& call, at::ScalarType dtype, Value thunk) {
          return WithAutocast(call, dtype, thunk);
        },
        "(with-autocast dtype thunk): what it returns, called with float32 products computed in "
        "bfloat16 or float16"),
    Op<"torch/no-grad">([](Call& call, Value thunk) { return NoGrad(call, thunk); },
                        "(no-grad thunk): what it returns, called without recording gradients"),
    Op<"torch/grad-of">(
        [](Call& call, const Tensor& y, Value x, const Rest<Value>& options) {
          return GradOf(call, y, x, options);
        },
        "(grad-of y x ['vector v] ['create-graph #t]): the gradient of y by a tensor or list of "
        "tensors, without touching theirs; by 'vector the product with the Jacobian"),
};

const OpTable table(kOps);

}  // namespace

}  // namespace eta::tensor
