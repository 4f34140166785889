// Every layer with every optimizer: 1, 2, 3 and 4 replicas agree, on batches that divide evenly,
// that do not, and that leave some replicas without rows; so do 3 on devices that stand in for
// GPUs.
//
// A layer of std.nn or an optimizer of std.optim that is in no table here fails the test.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <set>
#include <string>

#include "tests/fakes/fake_nccl.h"
#include "tests/parallel/training/replicas.h"
#include "vm/library_index.h"

namespace eta::parallel {
namespace {

struct Layer {
  const char* name;
  const char* model;
  const char* input;  // of `rows` rows
};

constexpr const char* kRows = "(randn (list rows 3))";
constexpr const char* kImages = "(randn (list rows 1 5 5))";
constexpr const char* kSignals = "(randn (list rows 2 5))";
// Of two numbers nothing but their order would be left after a normalization, and of their
// gradients nothing but rounding.
constexpr const char* kLongSignals = "(randn (list rows 2 12))";

const Layer kLayers[] = {
    {"linear", "(linear 3 2)", kRows},
    {"sequential", "(sequential (linear 3 4) (linear 4 2))", kRows},
    {"relu-layer", "(sequential (linear 3 4) (relu-layer) (linear 4 2))", kRows},
    {"sigmoid-layer", "(sequential (linear 3 4) (sigmoid-layer) (linear 4 2))", kRows},
    {"gelu-layer", "(sequential (linear 3 4) (gelu-layer) (linear 4 2))", kRows},
    {"tanh-layer", "(sequential (linear 3 4) (tanh-layer) (linear 4 2))", kRows},
    {"softmax-layer", "(sequential (linear 3 4) (softmax-layer) (linear 4 2))", kRows},
    {"residual", "(residual (linear 3 4) (tanh-layer) (linear 4 3))", kRows},
    {"make-module",
     "(let ((scale (requires-grad! (tensor 1.5) #t)) (inner (linear 3 2)))"
     " (make-module (list (cons 'scale scale) (cons 'inner inner))"
     "  (lambda (x) (t* scale (forward inner x)))))",
     kRows},
    {"conv1d", "(conv1d 2 3 3 'padding 1)", kSignals},
    {"conv2d", "(conv2d 1 2 3)", kImages},
    {"max-pool2d", "(sequential (conv2d 1 2 2) (max-pool2d 2))", kImages},
    {"avg-pool2d", "(sequential (conv2d 1 2 2) (avg-pool2d 2))", kImages},
    {"flatten-layer", "(sequential (conv2d 1 2 2) (flatten-layer) (linear 32 2))", kImages},
    {"batch-norm",
     "(sequential (conv1d 2 3 3) (batch-norm 3 'sync #t) (tanh-layer) (conv1d 3 2 2)"
     " (batch-norm 2 'sync #t))",
     kLongSignals},
    {"layer-norm", "(sequential (linear 3 4) (layer-norm '(4)) (linear 4 2))", kRows},
    {"group-norm", "(sequential (linear 3 8) (group-norm 2 8) (linear 8 2))", kRows},
    {"embedding", "(sequential (embedding 5 3) (linear 3 2))", "(randint 0 5 (list rows 2))"},
    {"lstm", "(lstm 2 3)", "(randn (list rows 3 2))"},
    {"gru", "(gru 2 3)", "(randn (list rows 3 2))"},
    {"multi-head-attention", "(multi-head-attention 4 2)", "(randn (list rows 3 4))"},
    {"transformer-encoder-layer", "(transformer-encoder-layer 4 2 'inner 5 'dropout 0)",
     "(randn (list rows 3 4))"},
};

// Random masks are each replica's own, and so are statistics of its rows.
const std::set<std::string> kExempt = {"dropout", "batch-norm without 'sync"};

// Exports of std.nn that are no layers.
const std::set<std::string> kNoLayers = {
    "training?",   "load-parameters!", "buffers",        "uniform-parameter",    "smooth-l1-loss",
    "huber-loss",  "nll-loss",         "bce-loss",       "bce-with-logits-loss", "kl-loss",
    "cosine-loss", "triplet-loss",     "capture-forward"};

struct OptimizerCase {
  const char* name;
  const char* make;
};

// With each option of each in one row at least. What is divided by the size of a gradient has a
// large epsilon: where a gradient is zero but for rounding (a bias before a normalization), nothing
// but rounding would be learned otherwise.
const OptimizerCase kOptimizers[] = {
    {"sgd", "(sgd m 0.02)"},
    {"sgd",
     "(sgd m 0.02 'momentum 0.9 'nesterov #t 'weight-decay 0.01 'accumulate 2 'average 0.9)"},
    {"adam", "(adam m 0.01 'epsilon 1e-3 'clip-norm 0.5 'average 0.9 'shard-optimizer #t)"},
    {"adamw",
     "(adamw m 0.01 'epsilon 1e-3 'loss-scale 1024 'groups (list (list (list (car (parameters m)))"
     " 'rate-scale 0.5 'weight-decay 0.1)))"},
    {"rmsprop", "(rmsprop m 0.002 'epsilon 1e-2 'momentum 0.5 'clip-value 0.1)"},
    {"adagrad", "(adagrad m 0.05 'rate-decay 0.01 'epsilon 1e-3)"},
};

// Exports of std.optim that are no optimizers.
const std::set<std::string> kNoOptimizers = {
    "learning-rate",    "set-learning-rate!", "with-average",     "scale-loss",
    "loss-scale",       "capture-status",     "step-schedule",    "cosine-schedule",
    "warm-up-schedule", "plateau-schedule",   "schedule-step!",   "schedule?",
    "save-checkpoint",  "load-checkpoint",    "save-safetensors", "load-safetensors",
    "train-step-lazy!"};

std::set<std::string> ExportsOf(std::string_view module) {
  std::set<std::string> names;
  for (const LibraryExport& known : LibraryExports()) {
    if (known.module == module) names.insert(known.name);
  }
  EXPECT_FALSE(names.empty()) << module;
  return names;
}

TEST(ParityTableTest, HasEveryLayer) {
  std::set<std::string> known = kNoLayers;
  for (const Layer& layer : kLayers) known.insert(layer.name);
  known.insert(kExempt.begin(), kExempt.end());
  for (const std::string& name : ExportsOf("std.nn")) EXPECT_TRUE(known.contains(name)) << name;
}

TEST(ParityTableTest, HasEveryOptimizer) {
  std::set<std::string> known = kNoOptimizers;
  for (const OptimizerCase& optimizer : kOptimizers) known.insert(optimizer.name);
  for (const std::string& name : ExportsOf("std.optim")) EXPECT_TRUE(known.contains(name)) << name;
}

// 200 steps with each optimizer; writes losses and parameters. What is learned is a weighted mean
// of the outputs: no layer's is constant, and none so steep that training diverges and rounding
// grows.
std::string ProgramOf(const Layer& layer) {
  std::string program = R"((import std.torch std.tensor std.nn std.optim)
    (define (project p)
      (let* ((flat (tflatten p 1)) (k (list-ref (shape flat) 1)))
        (matmul flat (reshape (t/ (tsin (arange 1 (+ k 1))) (tensor k)) (list k 1)))))
    (define (loss p t) (mse-loss (project p) t))
    (define (batch rows) (cons )" +
                        std::string(layer.input) + R"( (randn (list rows 1))))
    (define (train make)
      (manual-seed 5)
      (let* ((m )" + layer.model +
                        R"()
             (optimizer (make m))
             (batches (map batch '(8 7 2 1 3))))
        (define (step b)
          (train-step! m optimizer loss (parallel/shard (car b)) (parallel/shard (cdr b))))
        (define (steps k last)
          (when (= (modulo k 50) 49) (write last) (newline))
          (when (< k 200) (steps (+ k 1) (step (list-ref batches (modulo k 5))))))
        (steps 0 0)
        (write (map to-list (append (parameters m) (buffers m))))
        (when (optim/has-average? optimizer)
          (with-average optimizer (lambda () (write (map to-list (parameters m))))))
        (if (not (parallel/replicas-equal? m)) (write 'different))
        (newline))))";
  for (const OptimizerCase& optimizer : kOptimizers) {
    program += "(train (lambda (m) " + std::string(optimizer.make) + "))";
  }
  return program;
}

// Numbers of the size of 1 up to 1e-9, larger ones relatively.
void ExpectAgreement(const std::string& expected, const std::string& actual) {
  const std::vector<double> a = NumbersIn(expected), b = NumbersIn(actual);
  ASSERT_EQ(a.size(), b.size()) << expected << "\n" << actual;
  double worst = 0;
  for (size_t i = 0; i < a.size(); ++i) {
    ASSERT_TRUE(std::isfinite(a[i])) << "number " << i;
    worst = std::max(worst, std::abs(a[i] - b[i]) / std::max(std::abs(a[i]), 1.0));
  }
  EXPECT_LE(worst, 1e-9);
}

class ParityOfLayersTest : public testing::TestWithParam<Layer> {};

TEST_P(ParityOfLayersTest, WithEveryOptimizer) {
  const std::string program = ProgramOf(GetParam());
  const std::string alone = OutputOf(1, program);
  ASSERT_GT(NumbersIn(alone).size(), 50u) << alone;
  EXPECT_EQ(alone.find("different"), alone.npos);
  for (int ranks : {2, 3, 4}) {
    SCOPED_TRACE(std::to_string(ranks) + " ranks");
    ExpectAgreement(alone, OutputOf(ranks, program));
  }
  SCOPED_TRACE("on shared GPUs");
  const FakeNccl nccl;
  ExpectAgreement(alone, OutputOf(3, program, {.gpus = {2, 1}}));
}

INSTANTIATE_TEST_SUITE_P(All, ParityOfLayersTest, testing::ValuesIn(kLayers), [](const auto& info) {
  std::string name = info.param.name;
  std::replace(name.begin(), name.end(), '-', '_');
  return name;
});

}  // namespace
}  // namespace eta::parallel
