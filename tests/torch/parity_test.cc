// Every operation and module against PyTorch, and its gradients against finite differences.
#include "tests/torch/parity.h"

#include <gtest/gtest.h>

#include <cmath>
#include <set>
#include <sstream>

#include "tests/torch/script.h"
#include "torch/op_table.h"

namespace eta::tensor {
namespace {

// The inputs as tools/parity/generate.py makes them, and the weights of what is differentiated.
const char* const kPrelude = R"(
(define (fraction seed i)
  (/ (modulo (+ (* i i 31) (* i 7919) (* seed 1299709) 12345) 10007) 10007.0))
(define (count shape) (if (null? shape) 1 (* (car shape) (count (cdr shape)))))
(define (numbers seed shape low high)
  (let loop ((i (- (count shape) 1)) (xs '()))
    (if (< i 0) xs (loop (- i 1) (cons (+ low (* (- high low) (fraction seed i))) xs)))))
(define (filled seed shape low high)
  (torch/reshape (torch/tensor (numbers seed shape low high)) shape))
(define (real seed shape low high) (torch/to-dtype (filled seed shape low high) dtype))
(define (integers seed shape low high)
  (torch/to-dtype (torch/floor (filled seed shape low high)) 'int64))
(define (weighted y) (torch/sum (torch/mul y (real 99 (torch/shape y) 0.5 1.5))))
(define (fill-parameters! m)
  (let loop ((ps (nn/parameters m)) (seed 50) (tensors '()))
    (if (null? ps)
        (nn/load-parameters! m (reverse tensors))
        (loop (cdr ps) (+ seed 1)
              (cons (filled seed (torch/shape (car ps)) -0.5 0.5) tensors)))))
(define (trained m optimizer)
  (let loop ((steps 5))
    (if (= steps 0)
        (torch/cat (map (lambda (p) (torch/reshape p '(-1))) (nn/parameters m)) 0)
        (begin
          (optim/zero-grad! optimizer)
          (torch/backward (nn/mse-loss (nn/forward m (real 1 '(4 3) -1 1)) (real 2 '(4 2) -1 1)))
          (optim/step! optimizer)
          (loop (- steps 1))))))
(define (show x) (write (torch/to-list x)) (newline))
(define (show-gradient x)
  (show (if (null? (torch/grad x)) (torch/zeros-like x) (torch/grad x))))
)";

std::vector<std::vector<double>> RowsIn(const std::string& output) {
  std::vector<std::vector<double>> rows;
  std::istringstream lines(output);
  for (std::string line; std::getline(lines, line);) {
    std::erase(line, '(');
    std::erase(line, ')');
    rows.emplace_back();
    std::istringstream words(line);
    for (std::string word; words >> word;)
      rows.back().push_back(std::strtod(word.c_str(), nullptr));
  }
  return rows;
}

std::string Prelude(const std::string& dtype) {
  return "(import std.nn std.optim) (define dtype '" + dtype + ")" + kPrelude;
}

// Writes the value, then each gradient, one line each.
std::string ProgramOf(const ParityCase& c, const std::string& dtype) {
  std::string program = Prelude(dtype);
  for (const auto& input : c.inputs) {
    program += "(define " + input.name + " " + input.expression + ")\n";
  }
  for (const auto& gradient : c.gradients) {
    if (gradient.of != "parameters") program += "(torch/requires-grad! " + gradient.of + " #t)\n";
  }
  program += "(define y " + c.expression + ")\n(show y)\n";
  if (!c.gradients.empty()) program += "(torch/backward (weighted y))\n";
  for (const auto& gradient : c.gradients) {
    program += gradient.of == "parameters" ? "(for-each show-gradient (nn/parameters m))\n"
                                           : "(show-gradient " + gradient.of + ")\n";
  }
  return program;
}

double NormOf(const std::vector<double>& v) {
  double squares = 0;
  for (double x : v) squares += x * x;
  return std::sqrt(squares);
}

void ExpectNear(const std::vector<double>& expected, const std::vector<double>& actual,
                double bound, const std::string& what) {
  ASSERT_EQ(expected.size(), actual.size()) << what;
  std::vector<double> difference;
  for (size_t i = 0; i < expected.size(); ++i) difference.push_back(expected[i] - actual[i]);
  EXPECT_LE(NormOf(difference), bound * std::max(NormOf(expected), 1e-3)) << what;
}

// All gradients of the parameters are one row of the table.
std::vector<double> Joined(const std::vector<std::vector<double>>& rows, size_t begin) {
  std::vector<double> all;
  for (size_t i = begin; i < rows.size(); ++i)
    all.insert(all.end(), rows[i].begin(), rows[i].end());
  return all;
}

void ExpectParity(Script& script, const ParityCase& c, const std::string& dtype, double bound) {
  const std::string what = dtype + " " + c.expression;
  const std::string output = script.Run(ProgramOf(c, dtype));
  ASSERT_EQ(output.find("error"), std::string::npos) << what << ": " << output;
  const auto rows = RowsIn(output);
  ASSERT_GE(rows.size(), 1 + c.gradients.size()) << what << ": " << output;
  ExpectNear(c.value, rows[0], bound, what);
  for (size_t i = 0; i < c.gradients.size(); ++i) {
    const bool parameters = c.gradients[i].of == "parameters";
    ExpectNear(c.gradients[i].numbers, parameters ? Joined(rows, 1 + i) : rows[1 + i], bound,
               what + ", gradient of " + c.gradients[i].of);
  }
}

TEST(ParityTest, Float64IsPyTorchs) {
  Script script;
  for (const ParityCase& c : ParityCases()) ExpectParity(script, c, "float64", 1e-9);
}

TEST(ParityTest, Float32IsPyTorchs) {
  Script script;
  for (const ParityCase& c : ParityCases()) {
    if (!c.float64_only) ExpectParity(script, c, "float32", c.float32_bound);
  }
}

// Writes the largest difference of a gradient from its central differences, relative to the
// gradient.
const char* const kDifferences = R"(
(define step 1e-6)
(define (unit n i) (torch/tensor (map (lambda (k) (if (= k i) step 0)) (iota n))))
(define (iota n) (let loop ((i (- n 1)) (xs '())) (if (< i 0) xs (loop (- i 1) (cons i xs)))))
(define (loss x) (torch/item (weighted (f x))))
(define (difference x i)
  (let ((bump (torch/reshape (unit (torch/numel x) i) (torch/shape x))))
    (/ (- (loss (torch/add x bump)) (loss (torch/sub x bump))) (* 2 step))))
(define (differences x)
  (torch/reshape (torch/tensor (map (lambda (i) (difference x i)) (iota (torch/numel x))))
                 (torch/shape x)))
(define (gradient x)
  (let ((x (torch/requires-grad! (torch/clone x) #t)))
    (torch/backward (weighted (f x)))
    (torch/grad x)))
(define (largest x) (torch/item (torch/max (torch/abs x))))
)";

// The gradient of `expression` with respect to one of its inputs.
std::string DifferenceProgram(const ParityCase& c, const std::string& of) {
  std::string program = Prelude("float64") + kDifferences;
  for (const auto& input : c.inputs) {
    program += "(define " + input.name + " " + input.expression + ")\n";
  }
  program += "(define (f " + of + ") " + c.expression + ")\n";
  return program + "(define g (gradient " + of + "))" +
         "(write (/ (largest (torch/sub g (differences " + of + "))) (max 1 (largest g))))";
}

TEST(ParityTest, GradientsAreFiniteDifferences) {
  constexpr double kBound = 1e-6;
  Script script;
  for (const ParityCase& c : ParityCases()) {
    if (!c.differences) continue;
    for (const auto& gradient : c.gradients) {
      if (gradient.of == "parameters") continue;
      if (NormOf(gradient.numbers) == 0) continue;  // flat, or not part of the graph
      const std::string output = script.Run(DifferenceProgram(c, gradient.of));
      char* end;
      EXPECT_LE(std::strtod(output.c_str(), &end), kBound) << c.expression << ", " << gradient.of;
      EXPECT_TRUE(end != output.c_str() && *end == '\0') << c.expression << ": " << output;
    }
  }
}

// Operations that make no tensor from the elements of tensors, or draw random numbers; some
// have a case under the name that the library gives them.
const std::set<std::string_view> kWithoutParity = {
    "torch/with-autocast",
    "torch/save-safetensors",
    "torch/load-safetensors",
    "nn/sync-batch-norm",
    "optim/save-checkpoint",
    "optim/load-checkpoint",
    "optim/gather-state!",
    "optim/scale-loss",
    "optim/loss-scale",
    "optim/has-average?",
    "optim/capture-status",
    "nn/capture-forward",
    "nn/run-captured",
    "nn/make-layer",
    "optim/exchange-averages!",
    "torch/tensor",
    "torch/from-list",
    "torch/fact-table->tensor",
    "torch/tensor->fact-table",
    "torch/ones",
    "torch/zeros",
    "torch/randn",
    "torch/rand",
    "torch/randint",
    "torch/randperm",
    "torch/normal",
    "torch/bernoulli",
    "torch/multinomial",
    "torch/eye",
    "torch/full",
    "torch/empty-like",
    "torch/zeros-like",
    "torch/ones-like",
    "torch/full-like",
    "torch/manual-seed",
    "torch/arange",
    "torch/linspace",
    "torch/tensor?",
    "torch/dtype",
    "torch/to-dtype",
    "torch/default-dtype",
    "torch/default-dtype!",
    "torch/mvnormal",
    "torch/shape",
    "torch/item",
    "torch/to-list",
    "torch/to-nested-list",
    "torch/to-vector",
    "torch/numel",
    "torch/tensor-equal?",
    "torch/all-close?",
    "torch/requires-grad!",
    "torch/requires-grad?",
    "torch/backward",
    "torch/grad",
    "torch/zero-grad!",
    "torch/no-grad",
    "torch/cuda-available?",
    "torch/cuda-device-count",
    "torch/device",
    "torch/to-device",
    "torch/save",
    "torch/load",
    "torch/print",
    "nn/relu-layer",
    "nn/sigmoid-layer",
    "nn/dropout",
    "nn/forward",
    "nn/make-module",
    "nn/uniform-parameter",
    "nn/parameters",
    "nn/buffers",
    "nn/load-parameters!",
    "nn/training?",
    "nn/train!",
    "nn/eval!",
    "nn/module?",
    "nn/to-device",
    "optim/adamw",
    "optim/rmsprop",
    "optim/adagrad",
    "optim/learning-rate",
    "optim/set-learning-rate!",
    "optim/step!",
    "optim/zero-grad!",
    "optim/optimizer?",
};

// The layers and optimizers of std.nn and std.optim.
const char* const kModules[] = {
    "conv1d",
    "conv2d",
    "max-pool2d",
    "avg-pool2d",
    "residual",
    "flatten-layer",
    "gelu-layer",
    "tanh-layer",
    "softmax-layer",
    "batch-norm",
    "layer-norm",
    "group-norm",
    "embedding",
    "lstm",
    "gru",
    "multi-head-attention",
    "transformer-encoder-layer",
    "adamw",
    "rmsprop",
    "adagrad",
};

TEST(ParityTest, EveryOperationHasACase) {
  std::set<std::string> with_case;
  for (const ParityCase& c : ParityCases()) with_case.insert(c.operation);
  for (auto* table = OpTable::First(); table; table = table->next()) {
    for (const NativeDef& op : table->ops()) {
      if (op.name.starts_with("data/") || op.name.starts_with("parallel/")) continue;
      EXPECT_NE(with_case.contains(std::string(op.name)), kWithoutParity.contains(op.name))
          << op.name;
    }
  }
}

TEST(ParityTest, EveryModuleAndOptimizerHasACase) {
  std::set<std::string> with_case;
  for (const ParityCase& c : ParityCases()) with_case.insert(c.operation);
  for (const char* name : kModules) EXPECT_TRUE(with_case.contains(name)) << name;
}

TEST(ParityTest, EveryCaseUsesItsOperation) {
  for (const ParityCase& c : ParityCases()) {
    std::string text = c.expression;
    for (const auto& input : c.inputs) text += input.expression;
    EXPECT_NE(text.find("(" + c.operation), std::string::npos) << text;
  }
}

}  // namespace
}  // namespace eta::tensor
