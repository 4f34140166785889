// LSTMs of all kinds in plans, against libtorch's own kernels.
#include "torch/capture/lstm_call.h"

#include <ATen/ATen.h>
#include <ATen/CPUGeneratorImpl.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "torch/capture/plan.h"
#include "torch/capture/recorder.h"

namespace eta::tensor {
namespace {

constexpr int64_t kTimes = 6, kRows = 4, kInputs = 3, kUnits = 5;

struct Variant {
  std::string name;
  int64_t layers = 1;
  bool bidirectional = false, batch_first = false, biased = true;
  bool tracks_input = false;     // so that its gradient is wanted
  bool looks_at_states = false;  // the loss depends on the last ones, too
  at::ScalarType dtype = at::kFloat;
  int64_t projection = 0;
};

class Lstm {
 public:
  explicit Lstm(const Variant& variant) : v_(variant) {
    at::manual_seed(11);
    const int64_t directions = v_.bidirectional ? 2 : 1;
    const int64_t out = v_.projection > 0 ? v_.projection : kUnits;
    for (int64_t i = 0; i < v_.layers * directions; ++i) {
      const int64_t in = i < directions ? kInputs : out * directions;
      AddParameter({4 * kUnits, in});
      AddParameter({4 * kUnits, out});
      if (v_.biased) AddParameter({4 * kUnits});
      if (v_.biased) AddParameter({4 * kUnits});
      if (v_.projection > 0) AddParameter({v_.projection, kUnits});
    }
    weights_ = leaves_;
    AddParameter({v_.layers * directions, kRows, out});
    AddParameter({v_.layers * directions, kRows, kUnits});
    if (v_.tracks_input) AddParameter({kInputs});
  }

  // Where gradients are added to.
  const std::vector<Tensor>& leaves() const { return leaves_; }
  Tensor NewInput() const {
    const Tensor x = at::randn({kTimes, kRows, kInputs}, v_.dtype);
    return v_.batch_first ? x.transpose(0, 1).contiguous() : x;
  }
  Tensor Outputs(const Tensor& x) const { return std::get<0>(Run(x)); }
  Tensor Loss(const Tensor& x) const {
    const auto [outputs, hidden, cell] = Run(x);
    const Tensor loss = at::mul(outputs, outputs).sum();
    return v_.looks_at_states ? loss + at::mul(hidden, 3).sum() + at::mul(cell, cell).sum() : loss;
  }

 private:
  void AddParameter(at::IntArrayRef sizes) {
    leaves_.push_back(at::randn(sizes, v_.dtype).mul_(0.4).set_requires_grad(true));
    leaves_.back().mutable_grad() = at::zeros(sizes, v_.dtype);
  }
  std::tuple<Tensor, Tensor, Tensor> Run(const Tensor& x) const {
    const size_t state = weights_.size();
    const Tensor input = v_.tracks_input ? at::mul(x, leaves_.back()) : x;
    return at::lstm(input, {leaves_[state], leaves_[state + 1]}, weights_, v_.biased, v_.layers, 0,
                    true, v_.bidirectional, v_.batch_first);
  }

  const Variant v_;
  std::vector<Tensor> leaves_, weights_;
};

// A plan of a pass forwards and backwards, its loss, and the batch that stands for another.
struct Captured {
  std::unique_ptr<Plan> plan;
  size_t loss;
};

Captured Capture(const Lstm& lstm, PlanForm form) {
  Recorder recorder;
  for (const Tensor& leaf : lstm.leaves()) {
    recorder.AddFixed(leaf);
    recorder.AddState(leaf.grad());
  }
  const Tensor x = lstm.NewInput(), seed = at::ones({}, x.options());
  recorder.AddFixed(seed);
  recorder.AddBatch(x);
  Tensor loss;
  {
    const Recorder::Scope scope(recorder);
    loss = lstm.Loss(x);
    recorder.Pause();
    loss.backward(seed);
  }
  const size_t found = recorder.Find(loss);
  const Trace trace = recorder.Take();
  EXPECT_EQ(trace.problem, "");
  return {std::make_unique<Plan>(trace, std::vector{found}, std::vector<size_t>(), form), found};
}

void ExpectClose(const Tensor& value, const Tensor& wanted, const std::string& what) {
  EXPECT_LE((value - wanted).abs().max().item<double>(),
            1e-6 * wanted.abs().max().item<double>() + 1e-30)
      << what;
}

// On a batch that was not recorded; twice, as the second run finds what the first left behind.
void ExpectReplays(const Lstm& lstm, const Captured& captured) {
  for (int run = 0; run < 2; ++run) {
    const Tensor x = lstm.NewInput();
    for (const Tensor& leaf : lstm.leaves()) leaf.grad().zero_();
    const Tensor loss = lstm.Loss(x);
    loss.backward();
    std::vector<Tensor> wanted;
    for (const Tensor& leaf : lstm.leaves()) {
      wanted.push_back(leaf.grad().clone());
      leaf.grad().zero_();
    }
    captured.plan->SetBatch(0, x);
    captured.plan->RunFirst({});
    ExpectClose(captured.plan->tensor(captured.loss), loss.detach(), "loss");
    captured.plan->RunSecond({});
    captured.plan->Release();
    for (size_t i = 0; i < wanted.size(); ++i) {
      ExpectClose(lstm.leaves()[i].grad(), wanted[i], "gradient " + std::to_string(i));
    }
  }
}

void ExpectOfOurs(const Variant& variant, PlanForm form, size_t steps) {
  SCOPED_TRACE(variant.name);
  const Lstm lstm(variant);
  const Captured captured = Capture(lstm, form);

  EXPECT_EQ(captured.plan->rounding_steps(), steps);
  ExpectReplays(lstm, captured);
}

TEST(LstmCallTest, LayersOfAllKindsAreComputedByUs) {
  for (const Variant& variant :
       std::vector<Variant>{{.name = "plain"},
                            {.name = "layers", .layers = 3},
                            {.name = "bidirectional", .bidirectional = true},
                            {.name = "both", .layers = 2, .bidirectional = true},
                            {.name = "batch first", .batch_first = true},
                            {.name = "no bias", .biased = false},
                            {.name = "gradient of the input", .tracks_input = true},
                            {.name = "states", .looks_at_states = true},
                            {.name = "all",
                            .layers = 2,
                            .bidirectional = true,
                            .batch_first = true,
                            .tracks_input = true,
                            .looks_at_states = true}}) {
    const int64_t cells = variant.layers * (variant.bidirectional ? 2 : 1);
    ExpectOfOurs(variant, PlanForm::kFused, static_cast<size_t>(2 * cells));
  }
}

TEST(LstmCallTest, OthersAreLeftToLibtorch) {
  ExpectOfOurs({.name = "float64", .dtype = at::kDouble}, PlanForm::kFused, 0);
  ExpectOfOurs({.name = "projection", .projection = 2}, PlanForm::kFused, 0);
  ExpectOfOurs({.name = "no direct calls"}, PlanForm::kLibtorch, 0);
}

TEST(LstmCallTest, InferenceNeedsNoWorkspace) {
  const at::NoGradGuard no_grad;
  const Lstm lstm({.name = "inference", .layers = 2, .bidirectional = true});
  Recorder recorder;
  for (const Tensor& leaf : lstm.leaves()) recorder.AddFixed(leaf);
  const Tensor x = lstm.NewInput();
  recorder.AddBatch(x);
  recorder.Pause();
  Tensor y;
  {
    const Recorder::Scope scope(recorder);
    y = lstm.Outputs(x);
  }
  const size_t found = recorder.Find(y);
  const Trace trace = recorder.Take();
  ASSERT_EQ(trace.problem, "");
  Plan plan(trace, {found});
  EXPECT_EQ(plan.rounding_steps(), 4u);
  for (int run = 0; run < 2; ++run) {
    const Tensor other = lstm.NewInput();
    plan.SetBatch(0, other);
    plan.RunSecond({});
    ExpectClose(plan.tensor(found), lstm.Outputs(other), "outputs");
    plan.Release();
  }
}

}  // namespace
}  // namespace eta::tensor
