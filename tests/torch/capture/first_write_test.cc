// Gradients that a plan writes first, whatever lies there, are those that were added to zeros.
#include "torch/capture/first_write.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <random>

#include "torch/capture/plan.h"
#include "torch/capture/recorder.h"

namespace eta::tensor {
namespace {

using Tensors = std::vector<Tensor>;
using Code = std::function<void(const Tensors& gradients, const Tensors& batch)>;

struct Outcome {
  std::vector<bool> written;  // by gradient
  size_t steps;
};

// Gradients one behind the other in one memory, as an arena has them.
Tensors LayOut(const Tensors& forms) {
  int64_t count = 0;
  for (const Tensor& form : forms) count += form.numel();
  const Tensor memory = at::zeros({count}, forms.at(0).options());
  Tensors gradients;
  int64_t begin = 0;
  for (const Tensor& form : forms) {
    gradients.push_back(memory.narrow(0, begin, form.numel()).view(form.sizes()));
    begin += form.numel();
  }
  return gradients;
}

// Runs the code on gradients of these forms that are zeros, and again by a plan on such as hold NaN
// where the plan says that they may. The results must be equal.
Outcome Replay(const Tensors& forms, const Tensors& batch, const Code& code) {
  at::set_num_threads(1);
  const Tensors gradients = LayOut(forms);
  Recorder recorder;
  for (const Tensor& gradient : gradients) recorder.AddState(gradient);
  for (const Tensor& tensor : batch) recorder.AddBatch(tensor);
  {
    const Recorder::Scope scope(recorder);
    code(gradients, batch);
  }
  std::vector<size_t> zeros;
  for (const Tensor& gradient : gradients) zeros.push_back(recorder.Find(gradient));
  const Trace trace = recorder.Take();
  EXPECT_EQ(trace.problem, "");
  Plan plan(trace, {}, {}, PlanForm::kFused, {}, zeros);
  EXPECT_TRUE(plan.Fits(trace));
  Outcome outcome{.steps = plan.steps()};
  Tensors expected;
  for (size_t i = 0; i < gradients.size(); ++i) {
    expected.push_back(gradients[i].clone());
    outcome.written.push_back(plan.writes_first(i));
    gradients[i].fill_(plan.writes_first(i) ? std::nan("") : 0);
  }
  for (size_t i = 0; i < batch.size(); ++i) plan.SetBatch(i, batch[i]);
  plan.RunSecond({});
  for (size_t i = 0; i < gradients.size(); ++i) {
    EXPECT_TRUE(at::equal(gradients[i], expected[i])) << i << gradients[i] << expected[i];
  }
  return outcome;
}

Outcome Replay(const Tensor& form, const Tensors& batch, const Code& code) {
  return Replay(Tensors{form}, batch, code);
}

Tensor Form(at::IntArrayRef sizes, at::ScalarType dtype = at::kFloat) {
  return at::empty(sizes, dtype);
}

TEST(FirstWriteTest, AProductIsMadeWhereTheGradientLies) {
  std::mt19937 random(1);
  at::manual_seed(1);
  for (int i = 0; i < 200; ++i) {
    SCOPED_TRACE(i);
    const auto rows = 2 + static_cast<int64_t>(random() % 100), in = 2 + int64_t(random() % 80),
               out = 2 + int64_t(random() % 80);
    const at::ScalarType dtype = i % 2 == 0 ? at::kFloat : at::kDouble;
    const Outcome outcome = Replay(
        Form({out, in}, dtype), {at::randn({rows, out}, dtype), at::randn({rows, in}, dtype)},
        [](const Tensors& g, const Tensors& b) { g[0].add_(at::mm(b[0].t(), b[1])); });
    EXPECT_EQ(outcome.written, std::vector{true});
    EXPECT_EQ(outcome.steps, 1);
    if (testing::Test::HasFailure()) return;
  }
}

TEST(FirstWriteTest, ASumOfColumnsThroughAView) {
  for (const int64_t columns : {1, 3, 64, 300}) {
    const Outcome outcome = Replay(
        Form({columns}), {at::randn({32, columns})}, [&](const Tensors& g, const Tensors& b) {
          g[0].add_(b[0].sum(at::IntArrayRef{0}, /*keepdim=*/true).view({columns}));
        });
    EXPECT_EQ(outcome.written, std::vector{true});
    EXPECT_EQ(outcome.steps, 1);
  }
}

TEST(FirstWriteTest, TheSecondAdditionAdds) {
  const Outcome outcome = Replay(Form({3, 4}), {at::randn({5, 3}), at::randn({5, 4})},
                                 [](const Tensors& g, const Tensors& b) {
                                   g[0].add_(at::mm(b[0].t(), b[1]));
                                   g[0].add_(at::mm(b[0].t(), b[1]));
                                 });
  EXPECT_EQ(outcome.written, std::vector{true});
}

TEST(FirstWriteTest, WhatOthersNeedIsCopied) {
  const Outcome outcome = Replay({Form({4, 4}), Form({4, 4})}, {at::randn({4, 4})},
                                 [](const Tensors& g, const Tensors& b) {
                                   const Tensor made = at::tanh(b[0]);
                                   g[0].add_(made);
                                   g[1].add_(at::mm(made, made));
                                 });
  EXPECT_EQ(outcome.written, (std::vector{true, true}));
  EXPECT_EQ(outcome.steps, 3);
}

// x + 0 is 0 where x is -0.
TEST(FirstWriteTest, ACopyHasNoNegativeZero) {
  for (const at::ScalarType dtype : {at::kFloat, at::kDouble}) {
    const Tensors gradients = LayOut({Form({37}, dtype)});
    const Tensor batch = at::full({37}, -0.0, dtype);
    Recorder recorder;
    recorder.AddState(gradients[0]);
    recorder.AddBatch(batch);
    {
      const Recorder::Scope scope(recorder);
      gradients[0].add_(batch);
    }
    const size_t found = recorder.Find(gradients[0]);
    Plan plan(recorder.Take(), {}, {}, PlanForm::kFused, {}, {found});
    ASSERT_TRUE(plan.writes_first(0));
    plan.SetBatch(0, batch);
    gradients[0].fill_(std::nan(""));
    plan.RunSecond({});
    EXPECT_FALSE(gradients[0].signbit().any().item<bool>());
  }
}

TEST(FirstWriteTest, WhatIsReadBeforeHasToBeZero) {
  const Outcome read =
      Replay(Form({4, 4}), {at::randn({4, 4})}, [](const Tensors& g, const Tensors& b) {
        const Tensor before = at::add(g[0], b[0]);
        g[0].add_(at::mm(b[0], before));
      });
  EXPECT_EQ(read.written, std::vector{false});
  const Outcome in_part =
      Replay(Form({4, 4}), {at::randn({4, 4})}, [](const Tensors& g, const Tensors& b) {
        g[0][1].add_(b[0][2]);
        g[0].add_(at::mm(b[0], b[0]));
      });
  EXPECT_EQ(in_part.written, std::vector{false});
}

TEST(FirstWriteTest, OtherAdditionsStay) {
  const auto written = [](const Tensors& batch, const Code& code) -> bool {
    return Replay(Form({4, 4}), batch, code).written[0];
  };
  const Tensors batch = {at::randn({4, 4})};
  EXPECT_FALSE(written(batch, [](const Tensors& g, const Tensors& b) { g[0].add_(b[0], 2); }));
  EXPECT_FALSE(written(batch, [](const Tensors& g, const Tensors& b) { g[0].add_(b[0][1]); }));
  EXPECT_FALSE(written(batch, [](const Tensors& g, const Tensors& b) { g[0].sub_(b[0]); }));
  EXPECT_FALSE(written(batch, [](const Tensors& g, const Tensors& b) { g[0].t().add_(b[0]); }));
  EXPECT_FALSE(written({at::randn({4, 4}, at::kDouble)},
                       [](const Tensors& g, const Tensors& b) { g[0].add_(b[0]); }));
  EXPECT_TRUE(written(batch, [](const Tensors& g, const Tensors& b) { g[0].add_(b[0].t()); }));
}

// They are zeros when the second part begins, and not before.
TEST(FirstWriteTest, TheFirstPartAddsToWhatIsThere) {
  const Tensor gradient = at::ones({3}), batch = at::ones({3});
  Recorder recorder;
  recorder.AddState(gradient);
  recorder.AddBatch(batch);
  {
    const Recorder::Scope scope(recorder);
    gradient.add_(batch);
  }
  recorder.Pause();
  const size_t found = recorder.Find(gradient);
  Plan plan(recorder.Take(), {}, {}, PlanForm::kFused, {}, {found});
  EXPECT_FALSE(plan.writes_first(0));
}

}  // namespace
}  // namespace eta::tensor
