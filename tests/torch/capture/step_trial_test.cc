#include "torch/capture/step_trial.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <cmath>
#include <functional>

#include "torch/capture/recorder.h"

namespace eta::tensor {
namespace {

std::unique_ptr<Plan> PlanOf(const std::function<Tensor(const Tensor&)>& code) {
  const Tensor x = at::ones({3, 2, 4}, at::kFloat);
  Recorder recorder;
  recorder.AddBatch(x);
  Tensor y;
  {
    const Recorder::Scope scope(recorder);
    y = code(x);
  }
  const size_t found = recorder.Find(y);
  const Trace trace = recorder.Take();
  EXPECT_EQ(trace.problem, "");
  return std::make_unique<Plan>(trace, std::vector<size_t>{found});
}

std::unique_ptr<Plan> ExactPlan() {
  return PlanOf([](const Tensor& x) { return at::exp(x); });
}

std::unique_ptr<Plan> RoundingPlan() {
  return PlanOf([](const Tensor& x) {
    const auto zeros = [](at::IntArrayRef sizes) { return at::zeros(sizes, at::kFloat); };
    const Tensor state = zeros({1, 2, 4});
    return std::get<0>(at::lstm(x, {state, state},
                                {zeros({16, 4}), zeros({16, 4}), zeros({16}), zeros({16})}, true, 1,
                                0, true, false, false));
  });
}

const Tensor kNumbers = at::tensor({1.0f, -4.0f, 1e-3f});

Tensor Off(float by) { return at::add(kNumbers, at::tensor({0.0f, 0.0f, by})); }

TEST(StepTrialTest, APlanOfLibtorchsKernelsMustGiveTheSameBits) {
  const Comparison comparison(*ExactPlan());
  EXPECT_TRUE(comparison.Match(kNumbers.clone(), kNumbers));
  EXPECT_FALSE(comparison.Match(Off(1e-9f), kNumbers));
  EXPECT_TRUE(comparison.Match(0.1, 0.1));
  EXPECT_FALSE(comparison.Match(std::nextafter(0.1, 1), 0.1));
}

TEST(StepTrialTest, APlanThatRoundsOtherwiseMayDifferByRounding) {
  const Comparison comparison(*RoundingPlan());
  EXPECT_TRUE(comparison.Match(Off(3.9e-5f), kNumbers));  // the largest is 4
  EXPECT_FALSE(comparison.Match(Off(4.2e-5f), kNumbers));
  EXPECT_TRUE(comparison.Match(1.000009, 1.0));
  EXPECT_FALSE(comparison.Match(1.00002, 1.0));
}

TEST(StepTrialTest, WhatIsNotRoundedMustBeTheSame) {
  const Comparison comparison(*RoundingPlan());
  const Tensor counts = at::arange(1'000'000, 1'000'003, at::kLong);
  EXPECT_TRUE(comparison.Match(counts.clone(), counts));
  EXPECT_FALSE(comparison.Match(counts + 1, counts));
  EXPECT_FALSE(comparison.Match(kNumbers.to(at::kDouble), kNumbers));
  EXPECT_FALSE(comparison.Match(kNumbers.view({1, 3}), kNumbers));
}

TEST(StepTrialTest, ANaNIsLikeNoNumber) {
  const Comparison comparison(*RoundingPlan());
  const float nan = std::nanf("");
  EXPECT_FALSE(comparison.Match(Off(nan), kNumbers));
  EXPECT_FALSE(comparison.Match(kNumbers, Off(nan)));
  EXPECT_TRUE(comparison.Match(Off(nan), Off(nan)));
  EXPECT_FALSE(comparison.Match(std::nan(""), 1.0));
}

}  // namespace
}  // namespace eta::tensor
