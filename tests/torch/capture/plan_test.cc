#include "torch/capture/plan.h"

#include <ATen/ATen.h>
#include <ATen/CPUGeneratorImpl.h>
#include <gtest/gtest.h>

#include <cstring>
#include <functional>

#include "torch/capture/recorder.h"

namespace eta::tensor {
namespace {

at::Generator NewGenerator(uint64_t seed) { return at::make_generator<at::CPUGeneratorImpl>(seed); }

// What is trained: parameters, other tensors that it changes, and the loss of a batch.
struct Trained {
  std::vector<Tensor> parameters, buffers;
  std::function<Tensor(const Trained&, const Tensor& x, const Tensor& y, const at::Generator&)>
      loss;
  at::Generator generator = NewGenerator(3);

  Tensor Loss(const Tensor& x, const Tensor& y) const { return loss(*this, x, y, generator); }
  Tensor Parameter(size_t i) const { return parameters[i]; }
  // Gradients are added to what is there, as in an arena.
  void ClearGradients() {
    for (Tensor& parameter : parameters) {
      if (!parameter.grad().defined()) parameter.mutable_grad() = at::zeros_like(parameter);
      parameter.mutable_grad().zero_();
    }
  }
  void Descend() {
    at::NoGradGuard no_grad;
    for (Tensor& parameter : parameters) parameter.sub_(parameter.grad(), 0.05);
  }
};

Tensor NewParameter(at::IntArrayRef sizes, const at::Generator& generator) {
  return at::randn(sizes, generator, at::kFloat).mul_(0.2).set_requires_grad(true);
}

bool SameBits(const Tensor& a, const Tensor& b) {
  return a.nbytes() == b.nbytes() &&
         std::memcmp(a.const_data_ptr(), b.const_data_ptr(), a.nbytes()) == 0;
}

// A plan of one step, and the step's loss.
struct Captured {
  std::unique_ptr<Plan> plan;
  size_t loss = 0;
};

Captured Record(Trained& trained, const Tensor& x, const Tensor& y, std::string* problem) {
  Recorder recorder;
  for (const Tensor& parameter : trained.parameters) {
    recorder.AddFixed(parameter);
    recorder.AddState(parameter.grad());
  }
  for (const Tensor& buffer : trained.buffers) recorder.AddState(buffer);
  const Tensor seed = at::ones({}, at::kFloat);
  recorder.AddFixed(seed);
  recorder.AddBatch(x);
  recorder.AddBatch(y);
  recorder.AllowDraws(trained.generator);
  Tensor loss;
  {
    const Recorder::Scope scope(recorder);
    loss = trained.Loss(x, y);
  }
  recorder.Pause();
  {
    const Recorder::Scope scope(recorder);
    loss.backward(seed);
  }
  const size_t found = recorder.Find(loss);
  const Trace trace = recorder.Take();
  *problem = trace.problem;
  if (!problem->empty()) return {};
  return {std::make_unique<Plan>(trace, std::vector<size_t>{found}), found};
}

Tensor NewInput(int step) { return at::randn({8, 1, 8, 8}, NewGenerator(100 + step), at::kFloat); }
Tensor NewTarget(int step) { return at::randint(0, 5, {8}, NewGenerator(200 + step), at::kLong); }

void ExpectSame(const Tensor& a, const Tensor& b, bool exactly) {
  if (exactly) {
    ASSERT_TRUE(SameBits(a, b));
  } else {
    ASSERT_LE((a - b).abs().max().item<double>(), 1e-6 * b.abs().max().item<double>());
  }
}

// Trains two equal models, one by the plan of its first step.
void ExpectSameTraining(const std::function<Trained()>& make, bool exactly = true) {
  Trained eager = make(), captured = make();
  Captured step;
  for (int i = 0; i < 60; ++i) {
    SCOPED_TRACE(i);
    eager.ClearGradients();
    const Tensor loss = eager.Loss(NewInput(i), NewTarget(i));
    loss.backward(at::ones({}, at::kFloat));
    eager.Descend();
    captured.ClearGradients();
    if (i == 0) {
      std::string problem;
      step = Record(captured, NewInput(i), NewTarget(i), &problem);
      ASSERT_EQ(problem, "");
      EXPECT_EQ(step.plan->rounding_steps() == 0, exactly);
    } else {
      step.plan->SetBatch(0, NewInput(i));
      step.plan->SetBatch(1, NewTarget(i));
      step.plan->RunFirst(captured.generator);
      ExpectSame(step.plan->tensor(step.loss), loss.detach(), exactly);
      step.plan->RunSecond(captured.generator);
      step.plan->Release();
    }
    captured.Descend();
    for (size_t p = 0; p < eager.parameters.size(); ++p) {
      SCOPED_TRACE(p);
      ExpectSame(captured.parameters[p].detach(), eager.parameters[p].detach(), exactly);
    }
    for (size_t b = 0; b < eager.buffers.size(); ++b) {
      ASSERT_TRUE(SameBits(eager.buffers[b], captured.buffers[b])) << b;
    }
  }
}

Trained Perceptron() {
  const auto draws = NewGenerator(1);
  return {.parameters = {NewParameter({16, 64}, draws), NewParameter({16}, draws),
                         NewParameter({5, 16}, draws), NewParameter({5}, draws)},
          .loss = [](const Trained& t, const Tensor& x, const Tensor& y, const at::Generator&) {
            const Tensor h = at::relu(at::linear(x.flatten(1), t.Parameter(0), t.Parameter(1)));
            return at::cross_entropy_loss(at::linear(h, t.Parameter(2), t.Parameter(3)), y);
          }};
}

Trained WithDropout() {
  Trained trained = Perceptron();
  trained.loss = [](const Trained& t, const Tensor& x, const Tensor& y,
                    const at::Generator& generator) {
    const Tensor h = at::tanh(at::linear(x.flatten(1), t.Parameter(0), t.Parameter(1)));
    Tensor mask = at::empty_like(h);
    mask.bernoulli_(0.7, generator);
    const Tensor kept = at::mul(h, mask.div_(0.7));
    return at::cross_entropy_loss(at::linear(kept, t.Parameter(2), t.Parameter(3)), y);
  };
  return trained;
}

Trained Convolution() {
  const auto draws = NewGenerator(1);
  return {.parameters = {NewParameter({4, 1, 3, 3}, draws), NewParameter({4}, draws),
                         NewParameter({4}, draws), NewParameter({4}, draws),
                         NewParameter({5, 36}, draws), NewParameter({5}, draws)},
          .buffers = {at::zeros({4}, at::kFloat), at::ones({4}, at::kFloat)},
          .loss = [](const Trained& t, const Tensor& x, const Tensor& y, const at::Generator&) {
            Tensor h = at::conv2d(x, t.Parameter(0), t.Parameter(1));
            h = at::batch_norm(h, t.Parameter(2), t.Parameter(3), t.buffers[0], t.buffers[1],
                               /*training=*/true, 0.1, 1e-5, true);
            h = at::max_pool2d(at::relu(h), {2, 2}).flatten(1);
            return at::cross_entropy_loss(at::linear(h, t.Parameter(4), t.Parameter(5)), y);
          }};
}

Trained Recurrent() {
  const auto draws = NewGenerator(1);
  return {.parameters = {NewParameter({24, 8}, draws), NewParameter({24, 6}, draws),
                         NewParameter({24}, draws), NewParameter({24}, draws),
                         NewParameter({5, 6}, draws), NewParameter({5}, draws)},
          .loss = [](const Trained& t, const Tensor& x, const Tensor& y, const at::Generator&) {
            const Tensor zeros = at::zeros({1, 8, 6}, at::kFloat);
            const auto out =
                at::lstm(x.squeeze(1), {zeros, zeros},
                         {t.Parameter(0), t.Parameter(1), t.Parameter(2), t.Parameter(3)}, true, 1,
                         0, true, false, true);
            const Tensor last = std::get<1>(out).squeeze(0);
            return at::cross_entropy_loss(at::linear(last, t.Parameter(4), t.Parameter(5)), y);
          }};
}

TEST(PlanTest, APerceptronTrainsToTheSameBits) { ExpectSameTraining(Perceptron); }
TEST(PlanTest, DropoutDrawsTheSameNumbers) { ExpectSameTraining(WithDropout); }
TEST(PlanTest, AConvolutionalNetworkTrainsToTheSameBits) { ExpectSameTraining(Convolution); }
TEST(PlanTest, ARecurrentNetworkTrainsToTheSameNumbersButForRounding) {
  ExpectSameTraining(Recurrent, /*exactly=*/false);
}

TEST(PlanTest, ViewsAndUnusedResultsCostNothing) {
  const Tensor x = at::ones({4, 4}, at::kFloat);
  Recorder recorder;
  recorder.AddBatch(x);
  Tensor y;
  {
    const Recorder::Scope scope(recorder);
    (void)at::exp(x);
    y = at::add(x, x.t()).view({16});
  }
  const size_t result = recorder.Find(y);
  Plan plan(recorder.Take(), {result});
  EXPECT_EQ(plan.steps(), 1u);
  plan.SetBatch(0, at::arange(16, at::kFloat).view({4, 4}));
  plan.RunFirst({});
  plan.RunSecond({});
  EXPECT_EQ(plan.tensor(result)[1].item<float>(), 5);
}

// A plan of y = exp(x), which is given away, and y + y.
struct Giving {
  std::unique_ptr<Plan> plan;
  size_t sum = 0;

  Giving() {
    const Tensor x = at::zeros({4}, at::kFloat);
    Recorder recorder;
    recorder.AddBatch(x);
    recorder.Pause();
    Tensor y, z;
    {
      const Recorder::Scope scope(recorder);
      y = at::exp(x);
      z = at::add(y, y);
    }
    sum = recorder.Find(z);
    const std::vector<size_t> given = {recorder.Find(y)};
    plan = std::make_unique<Plan>(recorder.Take(), std::vector<size_t>{sum}, given);
  }
  void RunFor(float x) {
    plan->Release();
    plan->SetBatch(0, at::full({4}, x, at::kFloat));
    plan->RunFirst({});
    plan->RunSecond({});
  }
};

TEST(PlanTest, AGiftStaysWhatItWas) {
  Giving giving;
  giving.RunFor(1);
  const Tensor first = giving.plan->gift(0).tensor;
  const Tensor flat = giving.plan->gift(0).flat;
  EXPECT_EQ(first.data_ptr(), flat.data_ptr());
  const Tensor was = first.clone();
  giving.RunFor(2);
  EXPECT_TRUE(SameBits(first, was));
  EXPECT_TRUE(SameBits(giving.plan->gift(0).tensor, at::full({4}, 2, at::kFloat).exp()));
  EXPECT_TRUE(SameBits(giving.plan->tensor(giving.sum), at::full({4}, 2, at::kFloat).exp().mul(2)));
}

// The first part makes what is no longer needed when the gift is written, and runs in its memory.
TEST(PlanTest, AGiftThatIsKeptStaysWhatItWasThoughItsMemoryHeldOthers) {
  const Tensor x = at::zeros({64}, at::kFloat);
  Recorder recorder;
  recorder.AddBatch(x);
  Tensor y;
  {
    const Recorder::Scope scope(recorder);
    const Tensor a = at::exp(x), b = at::add(a, a);
    recorder.Pause();
    y = at::exp(b);
  }
  const std::vector<size_t> given = {recorder.Find(y)};
  Plan plan(recorder.Take(), {}, given);
  EXPECT_EQ(plan.block_bytes(), 64 * static_cast<int64_t>(sizeof(float))) << "but for one of two";
  Tensor kept, was;
  for (const float number : {1.0f, 0.5f, 0.25f}) {
    const Tensor input = at::full({64}, number, at::kFloat);
    plan.SetBatch(0, input);
    plan.RunFirst({});
    plan.RunSecond({});
    EXPECT_TRUE(!kept.defined() || SameBits(kept, was)) << "it is the program's";
    kept = plan.gift(0).tensor;
    was = kept.clone();
    EXPECT_TRUE(SameBits(was, input.exp().mul(2).exp()));
    plan.Release();
  }
}

TEST(PlanTest, AGiftThatNobodyKeptIsMadeInTheSameMemory) {
  Giving giving;
  giving.RunFor(1);
  const void* first = giving.plan->gift(0).tensor.data_ptr();
  giving.RunFor(2);
  EXPECT_EQ(giving.plan->gift(0).tensor.data_ptr(), first);
  const Tensor view = giving.plan->gift(0).flat.narrow(0, 1, 2);
  giving.RunFor(3);
  EXPECT_NE(giving.plan->gift(0).tensor.data_ptr(), first);
}

// a += x, y = exp(a), b += y, where a and b lie side by side. y is given away.
struct Announcing {
  Tensor both = at::zeros({8}, at::kFloat);
  Tensor a = both.narrow(0, 0, 4), b = both.narrow(0, 4, 4);
  std::unique_ptr<Plan> plan;

  Announcing() {
    const Tensor x = at::zeros({4}, at::kFloat);
    Recorder recorder;
    recorder.AddState(both);
    recorder.AddBatch(x);
    recorder.Pause();
    Tensor y;
    {
      const Recorder::Scope scope(recorder);
      a.add_(x);
      y = at::exp(a);
      b.add_(y);
    }
    both.zero_();
    const std::vector<size_t> announced = {recorder.Find(b), recorder.Find(a), recorder.Find(y)};
    const std::vector<size_t> given = {announced[2]};
    plan = std::make_unique<Plan>(recorder.Take(), std::vector<size_t>{}, given, PlanForm::kFused,
                                  announced);
    plan->SetBatch(0, at::full({4}, 2, at::kFloat));
    plan->RunFirst({});
  }
};

TEST(PlanTest, TellsAsSoonAsNothingTouchesATensorAnyMore) {
  Announcing announcing;
  const Tensor two = at::full({4}, 2, at::kFloat), e = two.exp();
  std::vector<size_t> told;
  announcing.plan->RunSecond({}, [&](size_t index) {
    told.push_back(index);
    if (index != 1) return;
    EXPECT_TRUE(SameBits(announcing.a, two));
    EXPECT_TRUE(SameBits(announcing.b, at::zeros({4}, at::kFloat))) << "the run is not over";
    announcing.a.zero_();
  });
  EXPECT_EQ(told, (std::vector<size_t>{1, 0, 2}));
  EXPECT_TRUE(SameBits(announcing.b, e));
  EXPECT_TRUE(SameBits(announcing.plan->gift(0).tensor, e));
}

TEST(PlanTest, WithGraphsItTellsWhenAGraphHasBeenLaunched) {
  Announcing announcing;
  announcing.plan->UseGraphs();
  std::vector<size_t> told;
  announcing.plan->RunSecond({}, [&](size_t index) {
    told.push_back(index);
    EXPECT_TRUE(SameBits(announcing.b, at::full({4}, 2, at::kFloat).exp()))
        << "three operations are no graph of their own";
  });
  EXPECT_EQ(told, (std::vector<size_t>{1, 0, 2}));
}

TEST(PlanTest, WhoIsToldMayEndTheRun) {
  Announcing announcing;
  const auto refuse = [](size_t) { TORCH_CHECK(false, "no"); };
  EXPECT_THROW(announcing.plan->RunSecond({}, refuse), c10::Error);
  EXPECT_TRUE(SameBits(announcing.b, at::zeros({4}, at::kFloat)));
}

std::string ProblemOf(const std::function<void(const Tensor&)>& code) {
  const Tensor x = at::ones({4}, at::kFloat);
  Recorder recorder;
  recorder.AddBatch(x);
  const Recorder::Scope scope(recorder);
  code(x);
  return recorder.problem();
}

TEST(PlanTest, SaysWhyATraceCannotBeRepeated) {
  EXPECT_EQ(ProblemOf([](const Tensor& x) { (void)at::add(x, x); }), "");
  EXPECT_EQ(ProblemOf([](const Tensor& x) { (void)at::nonzero(x); }),
            "aten::nonzero gives tensors whose shape is not known before");
  EXPECT_EQ(ProblemOf([](const Tensor& x) { (void)at::rand_like(x); }),
            "aten::rand_like draws from another generator");
  EXPECT_EQ(ProblemOf([](const Tensor& x) { (void)at::equal(x, at::add(x, 1)); }),
            "aten::equal gives what is no tensor");
  EXPECT_EQ(ProblemOf([](const Tensor& x) {
              x.view({2, 2}).add_(1);
            }),
            "aten::add_ writes to the batch");
  EXPECT_EQ(ProblemOf([](const Tensor&) {
              const auto ones = [] { return at::ones({4}, at::kFloat); };
              (void)Recorder::MakeConstant(ones).add_(1);
            }),
            "aten::add_ writes to a tensor that is no buffer of the model");
  const Tensor other = at::ones({4}, at::kFloat);
  EXPECT_EQ(ProblemOf([&](const Tensor& x) { (void)at::add(x, other); }),
            "an operation uses a tensor from outside");
}

}  // namespace
}  // namespace eta::tensor
