// Ranks that fail on their way into a training step, when others have prepared it already: what
// they remember of it stays the same, so that later steps go well.
#include <ATen/core/grad_mode.h>
#include <ATen/ops/real.h>
#include <gtest/gtest.h>

#include "tests/fakes/fake_nccl.h"
#include "tests/parallel/training/replicas.h"
#include "torch/op.h"
#include "torch/op_table.h"

namespace eta::parallel {
namespace {

using tensor::Op;
using tensor::Tensor;

void SetData(const Tensor& parameter, const Tensor& data) {
  const at::NoGradGuard no_grad;
  Tensor(parameter).set_data(data);
}

// What moves parameters out of the memory that an optimizer gave them, which no operation does that
// programs have on a CPU.
constexpr NativeDef kOps[] = {
    Op<"test/move!">([](const Tensor& p) { SetData(p, p.detach().clone()); }, ""),
    // To a type that does not travel.
    Op<"test/make-complex!">([](const Tensor& p) { SetData(p, p.detach().to(at::kComplexDouble)); },
                             ""),
    Op<"test/make-real!">([](const Tensor& p) { SetData(p, at::real(p.detach()).clone()); }, ""),
};

const tensor::OpTable table(kOps);

class StepEntryTest : public testing::TestWithParam<const char*> {
 protected:
  // What each of three ranks writes.
  void ExpectSame(const std::string& undisturbed, const std::string& program) {
    const ReplicaOptions options{.backend = GetParam()};
    const std::string expected = OutputOf(3, kBegin + undisturbed + kEnd, options);
    EXPECT_TRUE(expected.ends_with("#t"));
    EXPECT_EQ(OutputOf(3, kBegin + program + kEnd, options), expected);
  }

 private:
  static constexpr const char* kBeginText = R"(
    (torch/manual-seed 5)
    (define (model-of n) (nn/sequential (nn/linear 3 n) (nn/linear n 2)))
    (define model (model-of 4))
    (define optimizer (optim/adam model 0.01))
    (define x (parallel/shard (torch/randn '(7 3))))
    (define y (parallel/shard (torch/randn '(7 2))))
    (define (step opt y) (optim/train-step! model opt nn/mse-loss x y))
    (define (good) (write (step optimizer y)) (newline))
    (define (fails thunk) (if (not (pair? (catch 'runtime.error (thunk)))) (write 'passed)))
    (define (weight) (car (nn/parameters model))))";
  static constexpr const char* kEndText = R"(
    (good)
    (write (map torch/to-list (nn/parameters model)))
    (write (parallel/replicas-equal? model)))";

 protected:
  const FakeNccl nccl_;
  const std::string kBegin = kBeginText, kEnd = kEndText;
};

TEST_P(StepEntryTest, AFailureToLayOutParametersAnewLeavesNoTrace) {
  ExpectSame("(good) (good)", R"(
    (good)
    (test/move! (weight))
    (if (= rank 1) (test/make-complex! (weight)))
    (fails (lambda () (step optimizer y)))
    (if (= rank 1) (test/make-real! (weight)))
    (good))");
}

TEST_P(StepEntryTest, AFailureToLayOutParametersAtFirstLeavesNoTrace) {
  ExpectSame("(good)", R"(
    (if (= rank 1) (test/make-complex! (weight)))
    (fails (lambda () (step optimizer y)))
    (if (= rank 1) (test/make-real! (weight)))
    (test/move! (weight))
    (good))");
}

TEST_P(StepEntryTest, OnlyOneRankFindsItsParametersMoved) {
  ExpectSame("(good) (good)", R"(
    (good)
    (if (= rank 1) (begin (test/move! (weight)) (test/make-complex! (weight))))
    (if (= rank 2) (fails (lambda () (step 7 y))) (fails (lambda () (step optimizer y))))
    (if (= rank 1) (test/make-real! (weight)))
    (test/move! (weight))
    (good))");
}

TEST_P(StepEntryTest, AnOptimizerThatOneRankNeverHeardOfIsForgotten) {
  ExpectSame("(good)", R"(
    (define other (optim/sgd model 0.1))
    (if (= rank 1)
        (fails (lambda () (step 7 y)))
        (fails (lambda () (step other y))))
    (good))");
}

INSTANTIATE_TEST_SUITE_P(Backends, StepEntryTest, testing::Values("local", "nccl"),
                         [](const auto& info) { return std::string(info.param); });

}  // namespace
}  // namespace eta::parallel
