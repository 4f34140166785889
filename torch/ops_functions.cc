// More operations on each element. Where PyTorch takes a number for an operand, so do these.
#include <ATen/ops/atan2.h>
#include <ATen/ops/clamp.h>
#include <ATen/ops/elu.h>
#include <ATen/ops/fmod.h>
#include <ATen/ops/gelu.h>
#include <ATen/ops/leaky_relu.h>
#include <ATen/ops/lerp.h>
#include <ATen/ops/log_sigmoid.h>
#include <ATen/ops/log_softmax.h>
#include <ATen/ops/maximum.h>
#include <ATen/ops/minimum.h>
#include <ATen/ops/mish.h>
#include <ATen/ops/nan_to_num.h>
#include <ATen/ops/pow.h>
#include <ATen/ops/remainder.h>
#include <ATen/ops/silu.h>
#include <ATen/ops/softplus.h>

#include "torch/op.h"
#include "torch/op_table.h"

namespace eta::tensor {
namespace {

// A bound of `clamp`: () stands for none.
std::optional<Tensor> Bound(const std::optional<Value>& bound) {
  if (!bound || bound->IsNil()) return std::nullopt;
  Arg<Operand> reader;
  TORCH_CHECK(reader.Read(*bound), "a bound is a tensor, a number, or () for none");
  return reader.get().tensor;
}

Tensor Gelu(const Tensor& x, const std::optional<Value>& approximate) {
  if (!approximate) return at::gelu(x);
  TORCH_CHECK(IsSymbol(*approximate) && SymbolName(*approximate) == "tanh",
              "the approximation is 'tanh or none");
  return at::gelu(x, "tanh");
}

constexpr NativeDef kOps[] = {
    Op<"torch/pow">([](const Operand& x, const Operand& y) { return at::pow(x.tensor, y.tensor); },
                    "(tpow x y): x to the power y"),
    Op<"torch/maximum">(
        [](const Operand& a, const Operand& b) { return at::maximum(a.tensor, b.tensor); },
        "(maximum a b): the larger one of each two elements"),
    Op<"torch/minimum">(
        [](const Operand& a, const Operand& b) { return at::minimum(a.tensor, b.tensor); },
        "(minimum a b): the smaller one of each two elements"),
    Op<"torch/remainder">(
        [](const Operand& a, const Operand& b) { return at::remainder(a.tensor, b.tensor); },
        "(tremainder a b): what division leaves, with the sign of b"),
    Op<"torch/fmod">(
        [](const Operand& a, const Operand& b) { return at::fmod(a.tensor, b.tensor); },
        "(fmod a b): what division leaves, with the sign of a"),
    Op<"torch/atan2">(
        [](const Operand& y, const Operand& x) { return at::atan2(y.tensor, x.tensor); },
        "(atan2 y x): the angle of the point (x, y)"),
    Op<"torch/lerp">([](const Tensor& a, const Tensor& b,
                        const Operand& weight) { return at::lerp(a, b, weight.tensor); },
                     "(lerp a b weight): a + weight (b - a)"),
    Op<"torch/clamp">(
        [](const Tensor& x, const std::optional<Value>& low, const std::optional<Value>& high) {
          return at::clamp(x, Bound(low), Bound(high));
        },
        "(tclamp x low [high]): x within bounds; () is no bound"),
    Op<"torch/nan-to-num">(
        [](const Tensor& x, std::optional<double> nan) { return at::nan_to_num(x, nan); },
        "(nan-to-num x [value]): with numbers in the place of nan and the infinities"),
    Op<"torch/square">([](const Tensor& x) { return x.square(); }, "(tsquare x): x x"),
    Op<"torch/rsqrt">([](const Tensor& x) { return x.rsqrt(); }, "(rsqrt x): 1 / sqrt(x)"),
    Op<"torch/reciprocal">([](const Tensor& x) { return x.reciprocal(); }, "(reciprocal x): 1 / x"),
    Op<"torch/sign">([](const Tensor& x) { return x.sign(); }, "(tsign x): -1, 0 or 1"),
    Op<"torch/floor">([](const Tensor& x) { return x.floor(); },
                      "(tfloor x): rounded towards -inf"),
    Op<"torch/ceil">([](const Tensor& x) { return x.ceil(); }, "(tceil x): rounded towards inf"),
    Op<"torch/round">([](const Tensor& x) { return x.round(); },
                      "(tround x): rounded, halves to even"),
    Op<"torch/trunc">([](const Tensor& x) { return x.trunc(); },
                      "(ttrunc x): rounded towards zero"),
    Op<"torch/expm1">([](const Tensor& x) { return x.expm1(); }, "(expm1 x): e^x - 1"),
    Op<"torch/log1p">([](const Tensor& x) { return x.log1p(); }, "(log1p x): log(1 + x)"),
    Op<"torch/log2">([](const Tensor& x) { return x.log2(); }, "(log2 x): the binary logarithm"),
    Op<"torch/log10">([](const Tensor& x) { return x.log10(); },
                      "(log10 x): the decimal logarithm"),
    Op<"torch/sin">([](const Tensor& x) { return x.sin(); }, "(tsin x): the sine"),
    Op<"torch/cos">([](const Tensor& x) { return x.cos(); }, "(tcos x): the cosine"),
    Op<"torch/tan">([](const Tensor& x) { return x.tan(); }, "(ttan x): the tangent"),
    Op<"torch/asin">([](const Tensor& x) { return x.asin(); }, "(tasin x): the arc sine"),
    Op<"torch/acos">([](const Tensor& x) { return x.acos(); }, "(tacos x): the arc cosine"),
    Op<"torch/atan">([](const Tensor& x) { return x.atan(); }, "(tatan x): the arc tangent"),
    Op<"torch/sinh">([](const Tensor& x) { return x.sinh(); }, "(sinh x): the hyperbolic sine"),
    Op<"torch/cosh">([](const Tensor& x) { return x.cosh(); }, "(cosh x): the hyperbolic cosine"),
    Op<"torch/erf">([](const Tensor& x) { return x.erf(); }, "(erf x): the error function"),
    Op<"torch/erfc">([](const Tensor& x) { return x.erfc(); }, "(erfc x): 1 - erf(x)"),
    Op<"torch/erfinv">([](const Tensor& x) { return x.erfinv(); },
                       "(erfinv x): what erf turns into x"),
    Op<"torch/lgamma">([](const Tensor& x) { return x.lgamma(); },
                       "(lgamma x): the logarithm of the gamma function"),
    Op<"torch/digamma">([](const Tensor& x) { return x.digamma(); },
                        "(digamma x): the derivative of lgamma"),
    Op<"torch/gelu">([](const Tensor& x,
                        const std::optional<Value>& approximate) { return Gelu(x, approximate); },
                     "(gelu x ['tanh]): x times the normal distribution's share below x"),
    Op<"torch/silu">([](const Tensor& x) { return at::silu(x); }, "(silu x): x sigmoid(x)"),
    Op<"torch/mish">([](const Tensor& x) { return at::mish(x); }, "(mish x): x tanh(softplus(x))"),
    Op<"torch/softplus">([](const Tensor& x) { return at::softplus(x); },
                         "(softplus x): log(1 + e^x)"),
    Op<"torch/elu">(
        [](const Tensor& x, std::optional<double> alpha) { return at::elu(x, alpha.value_or(1)); },
        "(elu x [alpha]): x, or alpha (e^x - 1) where x is negative"),
    Op<"torch/leaky-relu">(
        [](const Tensor& x, std::optional<double> slope) {
          return at::leaky_relu(x, slope.value_or(0.01));
        },
        "(leaky-relu x [slope]): x, or slope x where x is negative"),
    Op<"torch/log-sigmoid">([](const Tensor& x) { return at::log_sigmoid(x); },
                            "(log-sigmoid x): log(sigmoid(x))"),
    Op<"torch/log-softmax">(
        [](const Tensor& x, Axis axis) { return at::log_softmax(x, axis.value); },
        "(log-softmax x axis): the logarithm of softmax"),
};

const OpTable table(kOps);

}  // namespace

}  // namespace eta::tensor
