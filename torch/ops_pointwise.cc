// Operations on each element, with broadcasting.
#include <ATen/ops/abs.h>
#include <ATen/ops/add.h>
#include <ATen/ops/div.h>
#include <ATen/ops/exp.h>
#include <ATen/ops/log.h>
#include <ATen/ops/mul.h>
#include <ATen/ops/neg.h>
#include <ATen/ops/relu.h>
#include <ATen/ops/sigmoid.h>
#include <ATen/ops/softmax.h>
#include <ATen/ops/sqrt.h>
#include <ATen/ops/sub.h>
#include <ATen/ops/tanh.h>

#include "torch/op.h"
#include "torch/op_table.h"

namespace eta::tensor {
namespace {

constexpr NativeDef kOps[] = {
    Op<"torch/add">([](const Tensor& a, const Tensor& b) { return at::add(a, b); },
                    "(t+ a b): the sum"),
    Op<"torch/sub">([](const Tensor& a, const Tensor& b) { return at::sub(a, b); },
                    "(t- a b): the difference"),
    Op<"torch/mul">([](const Tensor& a, const Tensor& b) { return at::mul(a, b); },
                    "(t* a b): the product, element by element"),
    Op<"torch/div">([](const Tensor& a, const Tensor& b) { return at::div(a, b); },
                    "(t/ a b): the quotient; division by zero gives inf or nan"),
    Op<"torch/neg">([](const Tensor& x) { return at::neg(x); }, "(neg x): -x"),
    Op<"torch/abs">([](const Tensor& x) { return at::abs(x); }, "(tabs x): |x|"),
    Op<"torch/exp">([](const Tensor& x) { return at::exp(x); }, "(texp x): e to the x"),
    Op<"torch/log">([](const Tensor& x) { return at::log(x); }, "(tlog x): the natural logarithm"),
    Op<"torch/sqrt">([](const Tensor& x) { return at::sqrt(x); }, "(tsqrt x): the square root"),
    Op<"torch/relu">([](const Tensor& x) { return at::relu(x); }, "(relu x): max(x, 0)"),
    Op<"torch/sigmoid">([](const Tensor& x) { return at::sigmoid(x); },
                        "(sigmoid x): 1 / (1 + e^-x)"),
    Op<"torch/tanh">([](const Tensor& x) { return at::tanh(x); },
                     "(ttanh x): the hyperbolic tangent"),
    Op<"torch/softmax">([](const Tensor& x, Axis axis) { return at::softmax(x, axis.value); },
                        "(softmax x axis): e^x divided by its sum along the axis"),
};

const OpTable table(kOps);

}  // namespace

}  // namespace eta::tensor
