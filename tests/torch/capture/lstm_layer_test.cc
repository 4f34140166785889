// Against libtorch's LSTM in float64 and its gradients.
#include "torch/capture/lstm_layer.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace eta::tensor {
namespace {

using at::Tensor;

// What a layer is given, and what comes back to it.
struct Layer {
  LstmShape shape;
  bool biased = true;
  Tensor x, input_weight, hidden_weight, input_bias, hidden_bias, hidden, cell;
  Tensor outputs_gradient, hidden_gradient, cell_gradient;  // the latter two may be undefined

  explicit Layer(const LstmShape& s) : shape(s) {
    at::manual_seed(7);
    const auto draw = [](at::IntArrayRef sizes) { return at::randn(sizes, at::kFloat); };
    const double scale = 1 / std::sqrt(static_cast<double>(s.units));
    x = draw({s.times, s.rows, s.inputs});
    input_weight = draw({s.gates(), s.inputs}).mul_(scale);
    hidden_weight = draw({s.gates(), s.units}).mul_(scale);
    input_bias = draw({s.gates()}).mul_(scale);
    hidden_bias = draw({s.gates()}).mul_(scale);
    hidden = draw({s.rows, s.units});
    cell = draw({s.rows, s.units});
    outputs_gradient = draw({s.times, s.rows, s.units});
    hidden_gradient = draw({s.rows, s.units});
    cell_gradient = draw({s.rows, s.units});
  }
};

// The outputs, the last state, and gradients of all that is given but the second bias, which has
// that of the first.
struct Computed {
  Tensor outputs, hidden, cell;
  std::vector<Tensor> gradients;
};

Tensor Turned(const Tensor& sequence, const Layer& layer) {
  return layer.shape.reverse ? sequence.flip(0) : sequence;
}

Computed Reference(const Layer& layer) {
  const auto leaf = [](const Tensor& t) { return t.to(at::kDouble).set_requires_grad(true); };
  std::vector<Tensor> given = {
      leaf(layer.x),          leaf(layer.input_weight), leaf(layer.hidden_weight),
      leaf(layer.input_bias), leaf(layer.hidden),       leaf(layer.cell)};
  std::vector<Tensor> parameters = {given[1], given[2]};
  if (layer.biased) {
    parameters.push_back(given[3]);
    parameters.push_back(layer.hidden_bias.to(at::kDouble));
  }
  auto [outputs, hidden, cell] =
      at::lstm(Turned(given[0], layer), {given[4].unsqueeze(0), given[5].unsqueeze(0)}, parameters,
               layer.biased, 1, 0, true, false, false);
  Tensor sum = (Turned(outputs, layer) * layer.outputs_gradient).sum();
  if (layer.hidden_gradient.defined()) sum = sum + (hidden[0] * layer.hidden_gradient).sum();
  if (layer.cell_gradient.defined()) sum = sum + (cell[0] * layer.cell_gradient).sum();
  sum.backward();
  Computed computed{Turned(outputs, layer).detach(), hidden[0].detach(), cell[0].detach(), {}};
  for (const Tensor& tensor : given) computed.gradients.push_back(tensor.grad());
  return computed;
}

float* In(const Tensor& tensor) { return tensor.mutable_data_ptr<float>(); }
const float* Bias(const Layer& layer, const Tensor& bias) {
  return layer.biased ? In(bias) : nullptr;
}
LstmGradient Gradient(const Tensor& tensor) {
  if (!tensor.defined()) return {nullptr, 0, 0};
  return {tensor.const_data_ptr<float>(), tensor.stride(-2), tensor.stride(-1)};
}

// Memory in which a number that was not written shows.
Tensor Blank(at::IntArrayRef sizes) { return at::full(sizes, NAN, at::kFloat); }

Computed Forward(const Layer& layer, const Tensor& kept) {
  const LstmShape& s = layer.shape;
  Computed computed{
      Blank({s.times, s.rows, s.units}), Blank({s.rows, s.units}), Blank({s.rows, s.units}), {}};
  const Tensor scratch = Blank({s.forward_scratch_count(kept.defined())});
  RunLstm(s,
          {In(layer.x), In(layer.input_weight), In(layer.hidden_weight), In(layer.hidden),
           In(layer.cell)},
          Bias(layer, layer.input_bias), Bias(layer, layer.hidden_bias),
          {In(computed.outputs), In(computed.hidden), In(computed.cell)},
          kept.defined() ? In(kept) : nullptr, In(scratch));
  return computed;
}

Computed Run(const Layer& layer) {
  const LstmShape& s = layer.shape;
  const Tensor kept = Blank({s.kept_count()}), scratch = Blank({s.backward_scratch_count()});
  Computed computed = Forward(layer, kept);
  auto& g = computed.gradients;
  for (const Tensor& like : {layer.x, layer.input_weight, layer.hidden_weight, layer.input_bias,
                             layer.hidden, layer.cell}) {
    g.push_back(Blank(like.sizes()));
  }
  RunLstmBackward(s,
                  {In(layer.x), In(layer.input_weight), In(layer.hidden_weight), In(layer.hidden),
                   In(layer.cell)},
                  In(computed.outputs), In(kept),
                  {Gradient(layer.outputs_gradient), layer.outputs_gradient.stride(0),
                   Gradient(layer.hidden_gradient), Gradient(layer.cell_gradient)},
                  {In(g[0]), In(g[1]), In(g[2]), In(g[3]), In(g[4]), In(g[5]), true}, In(scratch));
  return computed;
}

void ExpectClose(const Tensor& value, const Tensor& wanted, const std::string& what) {
  const double largest = wanted.abs().max().item<double>();
  EXPECT_LE((value - wanted).abs().max().item<double>(), 1e-6 * largest) << what;
}

void ExpectLikeReference(const Layer& layer) {
  const Computed wanted = Reference(layer), computed = Run(layer);
  ExpectClose(computed.outputs, wanted.outputs, "outputs");
  ExpectClose(computed.hidden, wanted.hidden, "hidden");
  ExpectClose(computed.cell, wanted.cell, "cell");
  for (size_t i = 0; i < wanted.gradients.size(); ++i) {
    if (!wanted.gradients[i].defined()) continue;  // of a bias that is not there
    ExpectClose(computed.gradients[i], wanted.gradients[i], "gradient " + std::to_string(i));
  }
}

constexpr LstmShape kShape{.times = 7, .rows = 5, .inputs = 6, .units = 19, .reverse = false};

TEST(LstmLayerTest, ShapesOfAllKindsAreLikeTheReference) {
  for (const LstmShape& shape : std::vector<LstmShape>{{1, 4, 1, 1, false},
                                                       {1, 1, 2, 5, false},
                                                       {50, 32, 32, 32, false},
                                                       {9, 1, 40, 16, false},
                                                       {4, 2, 1, 130, true},
                                                       {7, 5, 6, 19, true}}) {
    SCOPED_TRACE(shape.units);
    ExpectLikeReference(Layer(shape));
  }
}

TEST(LstmLayerTest, BiasesMayBeMissing) {
  Layer layer(kShape);
  layer.biased = false;
  ExpectLikeReference(layer);
}

TEST(LstmLayerTest, GradientsOfTheStateMayBeMissing) {
  Layer layer(kShape);
  layer.cell_gradient = Tensor();
  ExpectLikeReference(layer);
  layer.hidden_gradient = Tensor();
  ExpectLikeReference(layer);
}

TEST(LstmLayerTest, GradientsMayLieInAnyWay) {
  Layer layer(kShape);
  layer.outputs_gradient = at::randn({5, 7, 19}, at::kFloat).transpose(0, 1);
  layer.hidden_gradient = at::randn({19, 5}, at::kFloat).t();
  ExpectLikeReference(layer);
  layer.outputs_gradient = at::full({}, 0.5, at::kFloat).expand({7, 5, 19});
  layer.cell_gradient = at::full({}, 2.0, at::kFloat).expand({5, 19});
  ExpectLikeReference(layer);
}

TEST(LstmLayerTest, WithoutABackwardPassItGivesTheSameBits) {
  for (bool reverse : {false, true}) {
    LstmShape shape = kShape;
    shape.reverse = reverse;
    const Layer layer(shape);
    const Computed kept = Forward(layer, Blank({shape.kept_count()}));
    const Computed alone = Forward(layer, Tensor());
    EXPECT_TRUE(at::equal(kept.outputs, alone.outputs));
    EXPECT_TRUE(at::equal(kept.hidden, alone.hidden));
    EXPECT_TRUE(at::equal(kept.cell, alone.cell));
  }
}

}  // namespace
}  // namespace eta::tensor
