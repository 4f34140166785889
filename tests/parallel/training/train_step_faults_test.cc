// Whatever goes wrong in a training step on one rank: no rank commits, each gets an error that
// names the rank, and if all of them catch it the replicas go on.
#include <gtest/gtest.h>

#include "tests/parallel/training/replicas.h"

namespace eta::parallel {
namespace {

using testing::Test;

bool Contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

// Three ranks train two steps, then one that fails as `fault` says, then two more. In it, (fault)
// replaces the step of rank 1. What each rank writes: the error's tag and message, whether the
// parameters stayed as they were, and at last whether the replicas are equal.
std::string FaultyTraining(const std::string& fault) {
  return R"(
    (torch/manual-seed 5)
    (define model (nn/linear 3 2))
    (define optimizer (optim/sgd model 0.1 'momentum 0.9))
    (define (shard t) (parallel/shard t))
    (define (step loss x y) (optim/train-step! model optimizer loss x y))
    (define (good i)
      (step nn/mse-loss (shard (torch/randn '(7 3))) (shard (torch/randn '(7 2)))))
    (define (parameters) (map torch/to-list (nn/parameters model)))
    (for-each good '(1 2))
    (define before (parameters))
    (define x (shard (torch/randn '(7 3))))
    (define y (shard (torch/randn '(7 2))))
    (define fault )" +
         fault + R"()
    (define (attempt loss) (step (if (= rank 1) (car fault) loss)
                                 (if (= rank 1) (cadr fault) x)
                                 (if (= rank 1) (caddr fault) y)))
    (define caught (catch 'runtime.error (attempt nn/mse-loss)))
    (display (cadr caught)) (newline)
    (display (caddr caught)) (newline)
    (write (equal? before (parameters))) (newline)
    (for-each good '(1 2))
    (write (parallel/replicas-equal? model)))";
}

// The losses and parameters are as if the step that failed had not been.
void ExpectAllOrNone(const std::string& fault, const std::string& tag, const std::string& own,
                     const std::string& told) {
  const auto results = RunReplicas(3, FaultyTraining(fault));
  for (size_t r = 0; r < results.size(); ++r) {
    EXPECT_EQ(results[r].error, "");
    const std::string& output = results[r].output;
    const bool at_fault = r == 1;
    EXPECT_TRUE(output.starts_with(at_fault ? tag : "runtime.peer-failed\n")) << output;
    EXPECT_TRUE(Contains(output, at_fault ? own : told)) << output;
    EXPECT_TRUE(output.ends_with("#t\n#t")) << output;
  }
}

TEST(TrainStepFaultsTest, ShapesThatDoNotFit) {
  ExpectAllOrNone("(list nn/mse-loss (torch/ones '(2 4)) y)", "runtime.type-error",
                  "optim/train-step!: mat1 and mat2 shapes cannot be multiplied",
                  "rank 1 failed at train.eta:6:29: optim/train-step!: mat1 and mat2");
}

TEST(TrainStepFaultsTest, AnErrorInTheLossFunction) {
  ExpectAllOrNone("(list (lambda (p y) (car 1)) x y)", "runtime.type-error",
                  "car: ", "rank 1 failed at train.eta:14:39: car: not a pair");
}

TEST(TrainStepFaultsTest, ALossThatIsNoTensor) {
  ExpectAllOrNone("(list (lambda (p y) 1.5) x y)", "runtime.type-error",
                  "the loss function must return a tensor of one element", "rank 1 failed at");
}

TEST(TrainStepFaultsTest, ABackwardPassThatFails) {
  ExpectAllOrNone("(list (lambda (p y) (torch/mean (torch/detach p))) x y)", "runtime.type-error",
                  "does not require grad", "rank 1 failed at train.eta:");
}

TEST(TrainStepFaultsTest, AnArgumentOfTheWrongKind) {
  ExpectAllOrNone("(list nn/mse-loss x 7)", "runtime.type-error",
                  "optim/train-step!: target: tensor required", "rank 1 failed at train.eta:");
}

TEST(TrainStepFaultsTest, ARaiseThatTheOthersOnlyHearOf) {
  const auto results = RunReplicas(2, R"(
    (define model (nn/linear 3 2))
    (define optimizer (optim/sgd model 0.1))
    (define (loss p y) (if (= rank 1) (raise 'boom 17) (nn/mse-loss p y)))
    (define (step) (optim/train-step! model optimizer loss (torch/ones '(2 3)) (torch/ones '(2 2))))
    (write (catch 'boom (catch 'runtime.peer-failed (step))))
    (write (parallel/replicas-equal? model)))");
  EXPECT_EQ(results[1].output, "17#t");
  EXPECT_TRUE(Contains(results[0].output, "rank 1 failed at train.eta:4:")) << results[0].output;
  EXPECT_TRUE(Contains(results[0].output, "boom")) << results[0].output;
}

TEST(TrainStepFaultsTest, AnEscapeOutOfTheLossFunction) {
  const auto results = RunReplicas(2, R"(
    (define model (nn/linear 3 2))
    (define optimizer (optim/sgd model 0.1))
    (define (step loss)
      (optim/train-step! model optimizer loss (torch/ones '(2 3)) (torch/ones '(2 2))))
    (define result
      (call/cc (lambda (k)
        (catch 'runtime.peer-failed (step (lambda (p y) (if (= rank 1) (k 5) (nn/mse-loss p y))))))))
    (write (if (pair? result) (caddr result) result))
    (write (parallel/replicas-equal? model)))");
  EXPECT_EQ(results[1].output, "5#t");
  EXPECT_TRUE(Contains(results[0].output, "rank 1 failed")) << results[0].output;
}

TEST(TrainStepFaultsTest, AnExitInTheLossFunction) {
  const auto results = RunReplicas(2, R"(
    (define model (nn/linear 3 2))
    (define optimizer (optim/sgd model 0.1))
    (define (loss p y) (if (= rank 1) (exit 0) (nn/mse-loss p y)))
    (optim/train-step! model optimizer loss (torch/ones '(2 3)) (torch/ones '(2 2))))");
  EXPECT_EQ(results[1].error, "exit 0");
  EXPECT_TRUE(Contains(results[0].error, "runtime.peer-failed")) << results[0].error;
  EXPECT_TRUE(Contains(results[0].error, "rank 1 failed at train.eta:")) << results[0].error;
  EXPECT_TRUE(Contains(results[0].error, "called exit")) << results[0].error;
}

TEST(TrainStepFaultsTest, ALazyStepIsAStep) {
  const auto program = [](const std::string& step, const std::string& loss_of) {
    return R"((import std.torch std.optim)
      (torch/manual-seed 5)
      (define model (linear 3 2))
      (define optimizer (adam model 0.01))
      (define (train n)
        (when (> n 0)
          (let ((loss ()" +
           step + R"( model optimizer mse-loss (parallel/shard (randn '(7 3)))
                       (parallel/shard (ones '(7 2))))))
            (write ()" +
           loss_of + R"( loss)) (newline))
          (train (- n 1))))
      (train 5)
      (write (map to-list (parameters model))))";
  };
  for (int ranks : {1, 3}) {
    EXPECT_EQ(OutputOf(ranks, program("train-step-lazy!", "item")),
              OutputOf(ranks, program("train-step!", "+")));
  }
}

TEST(TrainStepFaultsTest, ALazyStepNamesItsPlace) {
  const auto results = RunReplicas(2, R"((import std.torch std.optim)
    (define model (linear 3 2))
    (define optimizer (sgd model 0.1))
    (train-step-lazy! model optimizer mse-loss (ones (if (= rank 1) '(2 4) '(2 3))) (ones '(2 2))))");
  EXPECT_TRUE(Contains(results[0].error, "rank 1 failed at train.eta:4:5")) << results[0].error;
  EXPECT_TRUE(Contains(results[1].error, "mat1 and mat2")) << results[1].error;
}

// --- Values that are not finite ----------------------------------------------------------------

constexpr const char* kNanTraining = R"(
    (torch/manual-seed 5)
    (define model (nn/linear 3 2))
    (define optimizer (optim/sgd model 0.1))
    (define (parameters) (map torch/to-list (nn/parameters model)))
    (define (step loss x)
      (optim/train-step! model optimizer loss (parallel/shard x) (torch/ones '(1 2))))
    (step nn/mse-loss (torch/ones '(3 3)))
    (define before (parameters))
    (define nan (torch/log (torch/neg (torch/ones '(1 3)))))
    (define some-nan (torch/cat (list (torch/ones '(1 3)) nan (torch/ones '(1 3))) 0))
    ; Finite itself, with an infinite slope.
    (define (steep p y)
      (if (= rank 1) (torch/sum (torch/sqrt (torch/sub p p))) (nn/mse-loss p y))))";

TEST(TrainStepFaultsTest, ALossThatIsNotFiniteStopsAll) {
  const auto results = RunReplicas(3, std::string(kNanTraining) + R"(
    (write (caddr (catch 'runtime.nonfinite (step nn/mse-loss some-nan))))
    (write (equal? before (parameters))))");
  for (const ReplicaResult& result : results) {
    EXPECT_EQ(result.error, "");
    EXPECT_EQ(result.output, "\"optim/train-step!: the loss of rank 1 is not finite\"#t");
  }
}

TEST(TrainStepFaultsTest, AGradientThatIsNotFiniteStopsAll) {
  const auto results = RunReplicas(3, std::string(kNanTraining) + R"(
    (write (caddr (catch 'runtime.error (step steep (torch/ones '(3 3))))))
    (write (equal? before (parameters))))");
  for (const ReplicaResult& result : results) {
    EXPECT_EQ(result.error, "");
    EXPECT_EQ(result.output,
              "\"optim/train-step!: the gradient of weight on rank 1 is not finite\"#t");
  }
}

TEST(TrainStepFaultsTest, StepsThatAreNotFiniteAreSkippedOnRequest) {
  const ReplicaOptions skip{.launch = {.on_nonfinite = OnNonfinite::kSkip}};
  const std::string output = OutputOf(3, std::string(kNanTraining) + R"(
    (write (step nn/mse-loss some-nan))
    (step steep (torch/ones '(3 3)))
    (write (equal? before (parameters)))
    (step nn/mse-loss (torch/ones '(3 3)))
    (write (equal? before (parameters)))
    (write (parallel/replicas-equal? model)))",
                                      skip);
  EXPECT_EQ(output, "nan#t#f#t");
}

TEST(TrainStepFaultsTest, ABatchWithoutRowsIsAnError) {
  const auto results = RunReplicas(2, R"(
    (define model (nn/linear 3 2))
    (define optimizer (optim/sgd model 0.1))
    (optim/train-step! model optimizer nn/mse-loss (torch/ones '(0 3)) (torch/ones '(0 2))))");
  for (const ReplicaResult& result : results) {
    EXPECT_TRUE(Contains(result.error, "no rows that count")) << result.error;
  }
}

// --- Replicas that are not in the same step ----------------------------------------------------

void ExpectDesync(const std::string& program, const std::string& message) {
  for (const ReplicaResult& result : RunReplicas(2, program)) {
    EXPECT_TRUE(result.error.starts_with("runtime.desync: ")) << result.error;
    EXPECT_TRUE(Contains(result.error, message)) << result.error;
  }
}

TEST(TrainStepFaultsTest, ModelsThatDiffer) {
  ExpectDesync(R"(
    (define model (nn/linear 3 (if (= rank 1) 5 2)))
    (define optimizer (optim/sgd model 0.1))
    (optim/train-step! model optimizer nn/mse-loss (torch/ones '(1 3)) (torch/ones '(1 1))))",
               "where rank 0 has weight (2 3) float64, rank 1 has weight (5 3) float64 at "
               "train.eta:4:5");
}

TEST(TrainStepFaultsTest, StepsOfDifferentOptimizers) {
  ExpectDesync(R"(
    (define model (nn/linear 3 2))
    (define first (optim/sgd model 0.1))
    (define second (optim/sgd model 0.1))
    (define (a) (optim/train-step! model first nn/mse-loss (torch/ones '(1 3)) (torch/ones '(1 2))))
    (define (b) (optim/train-step! model second nn/mse-loss (torch/ones '(1 3)) (torch/ones '(1 2))))
    (a)
    (b)
    (if (= rank 0) (begin (a) 1) (begin (b) 2)))",
               "rank 0 is in step 3 with optimizer 1 at train.eta:5:17, rank 1 in step 3 with "
               "optimizer 2 at train.eta:6:17");
}

TEST(TrainStepFaultsTest, AStepMayBeCalledFromDifferentPlaces) {
  EXPECT_EQ(OutputOf(2, R"(
    (define model (nn/linear 3 2))
    (define optimizer (optim/sgd model 0.1))
    (define (step) (optim/train-step! model optimizer nn/mse-loss (torch/ones '(1 3)) (torch/ones '(1 2))))
    (if (= rank 0) (begin (step) 1)
        (optim/train-step! model optimizer nn/mse-loss (torch/ones '(1 3)) (torch/ones '(1 2))))
    (write (parallel/replicas-equal? model)))"),
            "#t");
}

TEST(TrainStepFaultsTest, ACollectiveInsteadOfAStep) {
  ExpectDesync(R"(
    (define model (nn/linear 3 2))
    (define optimizer (optim/sgd model 0.1))
    (define (step)
      (optim/train-step! model optimizer nn/mse-loss (torch/ones '(1 3)) (torch/ones '(1 2))))
    (step)
    (if (= rank 1) (parallel/all-reduce 1))
    (step))",
               "optim/train-step! at train.eta:5:7");
}

TEST(TrainStepFaultsTest, ARankThatReturnsEarly) {
  const auto results = RunReplicas(2, R"(
    (define model (nn/linear 3 2))
    (define optimizer (optim/sgd model 0.1))
    (define (step i)
      (optim/train-step! model optimizer nn/mse-loss (torch/ones '(1 3)) (torch/ones '(1 2))))
    (for-each step (if (= rank 1) '(1 2) '(1 2 3))))");
  EXPECT_TRUE(results[0].error.starts_with("runtime.peer-failed: ")) << results[0].error;
  EXPECT_TRUE(Contains(results[0].error, "rank 1")) << results[0].error;
  EXPECT_EQ(results[1].error, "");
}

}  // namespace
}  // namespace eta::parallel
