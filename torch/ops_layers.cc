// What layers compute, as functions of their input and parameters. A layer's module is made of
// these (std.nn).
#include <ATen/ops/avg_pool2d.h>
#include <ATen/ops/batch_norm.h>
#include <ATen/ops/conv1d.h>
#include <ATen/ops/conv2d.h>
#include <ATen/ops/embedding.h>
#include <ATen/ops/group_norm.h>
#include <ATen/ops/gru.h>
#include <ATen/ops/layer_norm.h>
#include <ATen/ops/linear.h>
#include <ATen/ops/lstm.h>
#include <ATen/ops/max_pool2d.h>
#include <ATen/ops/scaled_dot_product_attention.h>

#include "torch/op.h"
#include "torch/op_table.h"

namespace eta::tensor {

// A parameter that a layer may do without: () stands for none.
struct MaybeTensor {
  std::optional<Tensor> tensor;
};
template <>
struct Arg<MaybeTensor> {
  static constexpr std::string_view kExpected = "tensor or () required";
  bool Read(Value v) {
    if (const Tensor* given = TensorIn(v)) maybe.tensor = *given;
    return maybe.tensor || v.IsNil();
  }
  const MaybeTensor& get() const { return maybe; }
  MaybeTensor maybe;
};

namespace {

using Sizes = std::vector<int64_t>;
using OptionalAxes = std::optional<Axes>;

constexpr double kEpsilon = 1e-5;  // of the normalizations

// One size for both axes of an image may be given as one number.
Sizes Given(const OptionalAxes& sizes, const Sizes& otherwise) {
  return sizes ? sizes->values : otherwise;
}

constexpr NativeDef kOps[] = {
    Op<"torch/linear">([](const Tensor& x, const Tensor& weight,
                          const MaybeTensor& bias) { return at::linear(x, weight, bias.tensor); },
                       "(torch/linear x weight bias): x W^T + b"),
    Op<"torch/conv1d">(
        [](const Tensor& x, const Tensor& weight, const MaybeTensor& bias,
           const OptionalAxes& stride, const OptionalAxes& padding, const OptionalAxes& dilation,
           std::optional<int64_t> groups) {
          return at::conv1d(x, weight, bias.tensor, Given(stride, {1}), Given(padding, {0}),
                            Given(dilation, {1}), groups.value_or(1));
        },
        "(torch/conv1d x weight bias [stride [padding [dilation [groups]]]]): a convolution of "
        "signals"),
    Op<"torch/conv2d">(
        [](const Tensor& x, const Tensor& weight, const MaybeTensor& bias,
           const OptionalAxes& stride, const OptionalAxes& padding, const OptionalAxes& dilation,
           std::optional<int64_t> groups) {
          return at::conv2d(x, weight, bias.tensor, Given(stride, {1}), Given(padding, {0}),
                            Given(dilation, {1}), groups.value_or(1));
        },
        "(torch/conv2d x weight bias [stride [padding [dilation [groups]]]]): a convolution of "
        "images"),
    Op<"torch/max-pool2d">(
        [](const Tensor& x, const Axes& size, const OptionalAxes& stride,
           const OptionalAxes& padding) {
          return at::max_pool2d(x, size.values, Given(stride, size.values), Given(padding, {0}));
        },
        "(torch/max-pool2d x size [stride [padding]]): the largest element of each window"),
    Op<"torch/avg-pool2d">(
        [](const Tensor& x, const Axes& size, const OptionalAxes& stride,
           const OptionalAxes& padding) {
          return at::avg_pool2d(x, size.values, Given(stride, size.values), Given(padding, {0}));
        },
        "(torch/avg-pool2d x size [stride [padding]]): the mean of each window"),
    Op<"torch/batch-norm">(
        [](const Tensor& x, const MaybeTensor& weight, const MaybeTensor& bias,
           const MaybeTensor& mean, const MaybeTensor& variance, bool training,
           std::optional<double> momentum, std::optional<double> epsilon) {
          TORCH_CHECK(!training || x.dim() < 2 || x.numel() == 0 || x.numel() > x.size(1),
                      "in training more than one value per channel is needed, the input's shape "
                      "is ",
                      x.sizes());
          return at::batch_norm(x, weight.tensor, bias.tensor, mean.tensor, variance.tensor,
                                training, momentum.value_or(0.1), epsilon.value_or(kEpsilon),
                                /*cudnn_enabled=*/true);
        },
        "(torch/batch-norm x weight bias mean variance training [momentum [epsilon]]): normalized "
        "per channel; in training by the batch's statistics, of which mean and variance take up a "
        "share"),
    Op<"torch/layer-norm">(
        [](const Tensor& x, const Shape& shape, const MaybeTensor& weight, const MaybeTensor& bias,
           std::optional<double> epsilon) {
          return at::layer_norm(x, shape.sizes, weight.tensor, bias.tensor,
                                epsilon.value_or(kEpsilon));
        },
        "(torch/layer-norm x shape weight bias [epsilon]): normalized over the last axes"),
    Op<"torch/group-norm">(
        [](const Tensor& x, int64_t groups, const MaybeTensor& weight, const MaybeTensor& bias,
           std::optional<double> epsilon) {
          return at::group_norm(x, groups, weight.tensor, bias.tensor, epsilon.value_or(kEpsilon));
        },
        "(torch/group-norm x groups weight bias [epsilon]): normalized over groups of channels"),
    Op<"torch/embedding">(
        [](const Tensor& weight, const Indices& indices, std::optional<int64_t> padding) {
          return at::embedding(weight, indices.tensor, padding.value_or(-1));
        },
        "(torch/embedding weight indices [padding]): rows of weight; that of padding gets no "
        "gradient"),
    Op<"torch/lstm">(
        [](const Tensor& x, const Tensor& hidden, const Tensor& cell,
           const std::vector<Tensor>& parameters, int64_t layers) {
          return at::lstm(x, {hidden, cell}, parameters, /*has_biases=*/true, layers,
                          /*dropout=*/0, /*train=*/true, /*bidirectional=*/false,
                          /*batch_first=*/true);
        },
        "(torch/lstm x hidden cell parameters layers): (outputs hidden cell), of sequences along "
        "the second axis"),
    Op<"torch/gru">(
        [](const Tensor& x, const Tensor& hidden, const std::vector<Tensor>& parameters,
           int64_t layers) {
          return at::gru(x, hidden, parameters, /*has_biases=*/true, layers, /*dropout=*/0,
                         /*train=*/true, /*bidirectional=*/false, /*batch_first=*/true);
        },
        "(torch/gru x hidden parameters layers): (outputs hidden), of sequences along the second "
        "axis"),
    Op<"torch/attention">(
        [](const Tensor& query, const Tensor& key, const Tensor& value,
           const std::optional<MaybeTensor>& mask, std::optional<bool> causal) {
          return at::scaled_dot_product_attention(query, key, value,
                                                  mask ? mask->tensor : std::nullopt,
                                                  /*dropout_p=*/0, causal.value_or(false));
        },
        "(torch/attention query key value [mask [causal]]): values weighted by the softmax of the "
        "scaled products of queries and keys"),
};

const OpTable table(kOps);

}  // namespace

}  // namespace eta::tensor
