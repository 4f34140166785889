// Losses and modules that a program wrote take part in steps that are replayed.
#include <gtest/gtest.h>

#include "tests/parallel/training/captured_training.h"

namespace eta::parallel {
namespace {

TEST(CapturedProceduresTest, Losses) {
  for (const char* loss :
       {"(lambda (p t) (mse-loss p t))", "(lambda (p t) (t* (mse-loss p t) (tensor 0.5)))",
        "(lambda (p t) (t+ (mse-loss p t) (l1-loss p t 'reduction 'sum)))",
        "(lambda (p t) (l1-loss p t 'reduction 'sum))",
        "(lambda (p t) (mean (t* (t- p t) (t- p t))))",
        "(lambda (p t) (cross-entropy-loss p t 'label-smoothing 0.1))",
        "(lambda (p t) (smooth-l1-loss p t 'beta 0.5))"}) {
    SCOPED_TRACE(loss);
    EXPECT_EQ(ReplayedOf(1, {.model = kPerceptron, .loss = loss}), 38);
    EXPECT_EQ(ReplayedOf(2, {.model = kPerceptron, .loss = loss}), 38);
  }
}

// Of some the mean is over fewer targets, another number each time.
TEST(CapturedProceduresTest, LossesThatCountTargets) {
  const std::string target =
      "(from-list (map (lambda (k) (if (< k (modulo i 5)) 3 (modulo (* k 7) 4)))"
      " (range 0 rows)) 'int64)";
  for (const char* loss :
       {"(lambda (p t) (cross-entropy-loss p t 'ignore-index 3))",
        "(lambda (p t) (cross-entropy-loss p t 'weight weights 'ignore-index 3))",
        "(lambda (p t) (t* (tensor 2) (cross-entropy-loss p t 'ignore-index 3)))",
        "(lambda (p t) (t+ (cross-entropy-loss p t) (nll-loss (torch/log-softmax p 1) t)))"}) {
    SCOPED_TRACE(loss);
    Training training{.model = kPerceptron, .loss = loss, .target = target};
    training.definitions = "(define weights (tensor '(0.5 1 1.5 2)))";
    for (int ranks : {1, 2}) EXPECT_EQ(ReplayedOf(ranks, training), 38);
  }
}

TEST(CapturedProceduresTest, ParametersInTheLoss) {
  EXPECT_EQ(ReplayedOf(1, {.model = kPerceptron,
                           .loss = "(lambda (p t) (foldl t+ (mse-loss p t)"
                                   " (map (lambda (w) (t* (tensor 0.01) (tsum (t* w w))))"
                                   " (parameters model))))"}),
            38);
}

TEST(CapturedProceduresTest, Modules) {
  for (const char* module :
       {"'() (lambda (x) (ttanh x))", "'() (lambda (x) (t* x (torch/rand '(4))))", "'() sigmoid",
        "parts (lambda (x) (if (training? inner) (forward inner x) x))",
        "parts (lambda (x) (let loop ((n 0) (x x)) (if (< n 3) (loop (+ n 1) (forward inner x))"
        " x)))"}) {
    SCOPED_TRACE(module);
    Training training{.model =
                          std::string("(sequential (linear 6 4) (make-module ") + module + "))"};
    training.definitions =
        "(define inner (sequential (linear 4 4) (tanh-layer) (dropout 0.2)))"
        "(define parts (list (cons 'inner inner)))";
    for (int ranks : {1, 2}) EXPECT_EQ(ReplayedOf(ranks, training), 38);
  }
}

TEST(CapturedProceduresTest, ModulesWithParametersAndBuffersOfTheirOwn) {
  Training training{.model = "(sequential (linear 6 4) (scaling))"};
  training.definitions =
      "(define (scaling) (let ((scale (requires-grad! (ones '(4)) #t)) (shift (randn '(4))))"
      " (make-module (list (cons 'scale scale) (cons 'shift shift))"
      " (lambda (x) (t+ shift (t* scale x))))))";
  EXPECT_EQ(ReplayedOf(1, training), 38);
}

TEST(CapturedProceduresTest, TensorsThatAreNotTheModels) {
  Training training{.model = kPerceptron,
                    .loss = "(lambda (p t) (mse-loss (t* p mask) (t* t mask)))"};
  training.definitions = "(define mask (tensor '(1 0 1 2)))";
  EXPECT_EQ(ReplayedOf(1, training), 38);
  // Another one, from a step on.
  training.before_step = "(when (= i 20) (set! mask (tensor '(1 1 0 2))))";
  EXPECT_EQ(ReplayedOf(1, training), 36);
  training.before_step = "(when (= i 20) (requires-grad! mask #t))";
  EXPECT_EQ(ReplayedOf(1, training), 18);
}

TEST(CapturedProceduresTest, VariablesMayChangeNowAndThen) {
  Training training{.model = kPerceptron,
                    .loss = "(lambda (p t) (t* (mse-loss p t) (tensor factor)))"};
  training.definitions = "(define factor 1)";
  training.before_step = "(when (= i 20) (set! factor 2))";
  EXPECT_EQ(ReplayedOf(1, training), 36);
  EXPECT_EQ(ReplayedOf(2, training), 36);
  // Each time: such steps are recorded ever less often.
  training.before_step = "(set! factor (+ 1 i))";
  EXPECT_EQ(ReplayedOf(1, training), 0);
}

TEST(CapturedProceduresTest, TheStatusSaysWhyNot) {
  const auto status = [](const std::string& loss, const std::string& before_step = "'()") {
    return OutputOf(
        1, "(define n 1)\n" +
               ProgramOf({.model = kPerceptron, .loss = loss, .before_step = before_step}, 3) +
               "(newline) (display (map (lambda (line) (list (car line) (list-ref line 5)))"
               " (capture-status optimizer)))");
  };
  const auto ends_with = [](const std::string& text, const std::string& end) {
    EXPECT_TRUE(text.ends_with("\n((" + end + "))")) << text.substr(text.rfind('\n'));
  };
  ends_with(status("(lambda (p t) (display \"\") (mse-loss p t))"),
            "eager in procedures of the program display is called");
  ends_with(status("(lambda (p t) (set! n 3) (mse-loss p t))"),
            "eager in procedures of the program the variable n is set");
  ends_with(status("(lambda (p t) (if (> n 0) (mse-loss p t) (l1-loss p t)))", "(set! n (+ n 1))"),
            "watched the variable n has changed");
}

}  // namespace
}  // namespace eta::parallel
