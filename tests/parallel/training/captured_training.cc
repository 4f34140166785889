#include "tests/parallel/training/captured_training.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

namespace eta::parallel {

std::string ProgramOf(const Training& training, int steps) {
  return R"((import std.torch std.optim std.nn std.collections)
    (manual-seed 5)
    )" + training.definitions +
         R"(
    (define model )" +
         training.model + R"()
    (define optimizer )" +
         training.optimizer + R"()
    (define (step i)
      (let ((rows )" +
         training.rows + R"())
        )" +
         training.before_step +
         R"(
        (train-step! model optimizer )" +
         training.loss + " " + training.input + " " + training.target + R"()))
    (let loop ((i 0))
      (when (< i )" +
         std::to_string(steps) + R"()
        (display (step i))
        (display " ")
        (loop (+ i 1))))
    (for-each (lambda (p) (display (to-list p)) (display (to-list (grad p)))) (parameters model))
    (for-each (lambda (b) (display (to-list b))) (buffers model)))";
}

namespace {

// Two lines: how many steps were replayed, and whether each plan rounds otherwise.
constexpr const char* kShowReplayed = R"(
    (newline)
    (define status (capture-status optimizer))
    (display (apply + (map (lambda (line) (list-ref line 4)) status)))
    (newline)
    (display (map (lambda (line) (%regex-match? ".*round otherwise.*" (list-ref line 5))) status)))";

struct Outputs {
  std::string eager, captured;
  int replayed;
  bool round_otherwise;  // some plans
};

Outputs RunBoth(int ranks, const Training& training, int steps, ReplicaOptions options) {
  const std::string program = ProgramOf(training, steps);
  options.capture = false;
  Outputs outputs{.eager = OutputOf(ranks, program, options)};
  options.capture = true;
  const std::string all = OutputOf(ranks, program + kShowReplayed, options);
  const size_t notes = all.rfind('\n'), count = all.rfind('\n', notes - 1);
  EXPECT_NE(count, std::string::npos);
  outputs.captured = all.substr(0, count);
  outputs.replayed = std::stoi(all.substr(count + 1));
  outputs.round_otherwise = all.find("#t", notes) != all.npos;
  EXPECT_EQ(outputs.eager.find("nan"), std::string::npos);
  return outputs;
}

// The losses, then the lists of tensors' numbers.
std::vector<std::vector<double>> ListsIn(const std::string& output) {
  std::vector<std::vector<double>> lists;
  for (size_t begin = 0, end; begin < output.size(); begin = end + 1) {
    end = std::min(output.find_first_of("()", begin), output.size());
    lists.push_back(NumbersIn(output.substr(begin, end - begin)));
  }
  return lists;
}

double LargestIn(const std::vector<double>& list) {
  double largest = 0;
  for (double number : list) largest = std::max(largest, std::abs(number));
  return largest;
}

void ExpectNear(const std::vector<double>& eager, const std::vector<double>& captured,
                double tolerance) {
  ASSERT_EQ(eager.size(), captured.size());
  const double most = tolerance * LargestIn(eager);
  for (size_t i = 0; i < eager.size(); ++i) {
    ASSERT_LE(std::abs(eager[i] - captured[i]), most) << "number " << i;
  }
}

// A program writes losses and a pair of lists, each with nothing behind it, for each parameter.
bool IsGradient(size_t list) { return list % 4 == 3; }

}  // namespace

int ReplayedOf(int ranks, const Training& training, int steps, ReplicaOptions options) {
  const Outputs outputs = RunBoth(ranks, training, steps, options);
  EXPECT_EQ(outputs.captured, outputs.eager);
  EXPECT_FALSE(outputs.round_otherwise);
  return outputs.replayed;
}

int ReplayedNearly(int ranks, const Training& training, int steps) {
  const Outputs outputs = RunBoth(ranks, training, steps, {});
  const auto eager = ListsIn(outputs.eager), captured = ListsIn(outputs.captured);
  EXPECT_EQ(eager.size(), captured.size());
  for (size_t i = 0; i < std::min(eager.size(), captured.size()); ++i) {
    SCOPED_TRACE("list " + std::to_string(i));
    // What terms of both signs have left of a gradient may be little.
    ExpectNear(eager[i], captured[i], IsGradient(i) ? 1e-5 : 1e-6);
  }
  EXPECT_TRUE(outputs.round_otherwise);
  return outputs.replayed;
}

}  // namespace eta::parallel
