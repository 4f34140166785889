// Gradients.
#include "torch/arena.h"
#include "torch/op.h"
#include "torch/op_table.h"

namespace eta::tensor {
namespace {

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
};

const OpTable table(kOps);

}  // namespace

}  // namespace eta::tensor
