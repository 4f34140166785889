// Training loops written by hand among replicas: average-gradients!, and what step! refuses.
#include <gtest/gtest.h>

#include "tests/parallel/training/replicas.h"

namespace eta::parallel {
namespace {

constexpr const char* kStart = R"(
    (torch/manual-seed 5)
    (define model (nn/sequential (nn/linear 3 4) (nn/relu-layer) (nn/linear 4 2)))
    (define optimizer (optim/sgd model 0.1 'momentum 0.9))
    (define (parameters) (map torch/to-list (nn/parameters model)))
    (define (backward x y)
      (optim/zero-grad! optimizer)
      (if (> (car (torch/shape x)) 0)
          (torch/backward (nn/mse-loss (nn/forward model x) y))))
    (define (by-hand rows)
      (let ((x (parallel/shard (torch/randn (list rows 3))))
            (y (parallel/shard (torch/randn (list rows 2)))))
        (backward x y)
        (parallel/average-gradients! model (car (torch/shape x)))
        (optim/step! optimizer)))
    (define (whole rows)
      (optim/train-step! model optimizer nn/mse-loss
        (parallel/shard (torch/randn (list rows 3))) (parallel/shard (torch/randn (list rows 2)))))
)";

std::string Program(const std::string& body) { return kStart + body; }

TEST(AverageGradientsTest, RanksWeighAsManyRowsAsTheyHave) {
  const std::string program = Program("(for-each by-hand '(8 5 2 1 8)) (write (parameters))");
  const std::string alone = OutputOf(1, program);
  for (int ranks : {2, 3, 4}) ExpectClose(alone, OutputOf(ranks, program), 1e-9);
}

TEST(AverageGradientsTest, ByDefaultRanksWeighTheSame) {
  const std::string output = OutputOf(2, R"(
    (define model (nn/linear 1 1))
    (torch/backward (torch/sum (torch/mul (torch/tensor (list (if (= rank 0) 1.0 4.0)))
                                          (cadr (nn/parameters model)))))
    (parallel/average-gradients! model)
    (write (map (lambda (p) (let ((g (torch/grad p))) (if (null? g) g (torch/to-list g))))
                (nn/parameters model))))");
  EXPECT_EQ(output, "(() (2.5))");
}

TEST(AverageGradientsTest, ARankWithoutGradientsDoesNotCount) {
  const std::string output = OutputOf(2, R"(
    (define model (nn/linear 1 1))
    (if (= rank 1) (torch/backward (torch/sum (cadr (nn/parameters model)))))
    (parallel/average-gradients! model)
    (write (torch/to-list (torch/grad (cadr (nn/parameters model))))))");
  EXPECT_EQ(output, "(1.0)");
}

TEST(AverageGradientsTest, HandWrittenStepsMayFollowTrainStep) {
  const std::string program = Program(
      "(for-each whole '(8 5)) (for-each by-hand '(8 5)) (for-each whole '(8 5))"
      "(write (parameters))");
  ExpectClose(OutputOf(1, program), OutputOf(3, program), 1e-9);
}

// What is garbage on one rank has been collected there, and may be in use on another.
TEST(AverageGradientsTest, AnOptimizerMayBeGarbageOnOneRank) {
  const std::string output = OutputOf(2, Program(R"(
    (define first (optim/adam model 0.1))
    (define (waste n) (if (> n 0) (begin (make-vector 1000 0) (waste (- n 1)))))
    (optim/train-step! model first nn/mse-loss (torch/ones '(4 3)) (torch/ones '(4 2)))
    (if (= rank 1) (begin (set! first '()) (waste 50000)))
    (by-hand 8)
    (write (parallel/replicas-equal? model)))"));
  EXPECT_EQ(output, "#t");
}

TEST(AverageGradientsTest, OwnGradientsAreNotStepped) {
  const std::string program = Program(R"(
    (define x (parallel/shard (torch/randn '(4 3))))
    (define y (parallel/shard (torch/randn '(4 2))))
    (define before (parameters))
    (backward x y)
    (display (caddr (catch 'runtime.type-error (optim/step! optimizer))))
    (newline)
    (write (equal? before (parameters)))
    (parallel/average-gradients! model)
    (torch/backward (nn/mse-loss (nn/forward model x) y))
    (display (cadr (catch 'runtime.error (optim/step! optimizer))))
    (parallel/average-gradients! model)
    (optim/step! optimizer)
    (write (parallel/replicas-equal? model)))");
  EXPECT_EQ(OutputOf(2, program),
            "optim/step!: the gradient of 0.weight is this replica's own: call (average-gradients! "
            "model) after backward, or the replicas would drift apart\n#truntime.type-error#t");
}

TEST(AverageGradientsTest, WithoutGradientsStepDoesNothing) {
  EXPECT_EQ(OutputOf(2, Program("(optim/step! optimizer) (write 'done)")), "done");
}

TEST(AverageGradientsTest, ModelsThatDifferAreADesync) {
  for (const ReplicaResult& result :
       RunReplicas(2, "(parallel/average-gradients! (nn/linear 1 (+ rank 1)))")) {
    EXPECT_EQ(result.error,
              "runtime.desync: parallel/average-gradients!: the replicas' models differ: where "
              "rank 0 has weight (1 1) float64, rank 1 has weight (2 1) float64 at train.eta:1:35");
  }
}

TEST(AverageGradientsTest, ArgumentsAreCheckedAloneToo) {
  EXPECT_EQ(RunReplicas(1, "(parallel/average-gradients! 1)")[0].error,
            "runtime.type-error: parallel/average-gradients!: model: nn-module required");
  EXPECT_EQ(RunReplicas(1, "(parallel/average-gradients! (nn/linear 1 1) -1)")[0].error,
            "runtime.type-error: parallel/average-gradients!: denominator: non-negative number "
            "required");
}

}  // namespace
}  // namespace eta::parallel
