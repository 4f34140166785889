// Captured steps on a device other than the CPU: one whose kernels are the CPU's.
#include <gtest/gtest.h>

#include "tests/parallel/training/captured_training.h"

namespace eta::parallel {
namespace {

const ReplicaOptions kOnDevice = {.device = "host"};

int ReplayedOn(const Training& training, int steps = 40) {
  return ReplayedOf(1, training, steps, kOnDevice);
}

TEST(CapturedDeviceTest, StepsAreReplayed) { EXPECT_EQ(ReplayedOn({.model = kPerceptron}), 38); }

TEST(CapturedDeviceTest, GiveWhatTheCpuGives) {
  const std::string program = ProgramOf({.model = kPerceptron}, 10);
  ExpectClose(OutputOf(1, program), OutputOf(1, program, kOnDevice), 1e-9);
}

TEST(CapturedDeviceTest, AllOptimizers) {
  for (const char* optimizer :
       {"(sgd model 0.05 'momentum 0.9 'nesterov #t 'weight-decay 0.01)", "(adamw model 0.01)",
        "(sgd model 0.05 'clip-norm 0.1)", "(adam model 0.01 'clip-value 0.01)",
        "(sgd model 0.05 'loss-scale 'dynamic)"}) {
    SCOPED_TRACE(optimizer);
    EXPECT_EQ(ReplayedOn({.model = kPerceptron, .optimizer = optimizer}), 38);
  }
}

TEST(CapturedDeviceTest, AllLosses) {
  for (const char* loss : {"mse-loss", "l1-loss", "smooth-l1-loss", "cross-entropy-loss"}) {
    SCOPED_TRACE(loss);
    EXPECT_EQ(ReplayedOn({.model = kPerceptron, .loss = loss}), 38);
  }
}

TEST(CapturedDeviceTest, TargetsThatDoNotCount) {
  const std::string target =
      "(from-list (map (lambda (k) (if (< k (modulo i 9)) -100 (modulo (* k 7) 4)))"
      " (range 0 rows)) 'int64)";
  EXPECT_EQ(ReplayedOn({.model = kPerceptron, .loss = "cross-entropy-loss", .target = target}, 8),
            6);
}

TEST(CapturedDeviceTest, RandomNumbersAreDrawnInTheSameOrder) {
  EXPECT_EQ(ReplayedOn({.model = "(sequential (linear 6 16) (dropout 0.3) (linear 16 4))"}), 38);
}

TEST(CapturedDeviceTest, BuffersAndLargeParameters) {
  EXPECT_EQ(ReplayedOn({.model = "(sequential (linear 6 300) (batch-norm 300) (relu-layer)"
                                 " (linear 300 200) (linear 200 4))"}),
            38);
}

TEST(CapturedDeviceTest, RatesMayChange) {
  const std::string before = "(when (= (modulo i 5) 4) (set-learning-rate! optimizer (/ 0.1 i)))";
  EXPECT_EQ(ReplayedOn({.model = kPerceptron, .before_step = before}), 38);
}

TEST(CapturedDeviceTest, ProceduresOfTheProgram) {
  EXPECT_EQ(ReplayedOn({.model = kPerceptron,
                        .loss = "(lambda (p t) (t+ (mse-loss p t) (t* (tsum p) (tensor 0.1))))"}),
            38);
}

TEST(CapturedDeviceTest, ABatchElsewhereIsAnErrorAsEver) {
  const std::string before =
      "(when (= i 5) (display (catch 'runtime.error"
      " (train-step! model optimizer mse-loss (to-cpu (ones '(8 6))) (to-cpu (ones '(8 4)))))))";
  EXPECT_EQ(ReplayedOn({.model = kPerceptron, .before_step = before}, 8), 6);
}

TEST(CapturedDeviceTest, Inference) {
  const std::string program = R"((import std.torch std.nn)
    (define model (sequential (linear 6 16) (relu-layer) (linear 16 4)))
    (define captured (capture-forward model (ones '(2 6))))
    (define (same? x) (equal? (to-list (captured x)) (to-list (forward model x))))
    (display (map same? (list (ones '(2 6)) (randn '(2 6)) (randn '(2 6))))))";
  EXPECT_EQ(OutputOf(1, program, kOnDevice), "(#t #t #t)");
}

}  // namespace
}  // namespace eta::parallel
