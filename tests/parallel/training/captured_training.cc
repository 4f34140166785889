#include "tests/parallel/training/captured_training.h"

#include <gtest/gtest.h>

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

constexpr const char* kShowReplayed = R"(
    (newline)
    (display (apply + (map (lambda (line) (list-ref line 4)) (capture-status optimizer)))))";

}  // namespace

int ReplayedOf(int ranks, const Training& training, int steps, ReplicaOptions options) {
  const std::string program = ProgramOf(training, steps);
  options.capture = false;
  const std::string eager = OutputOf(ranks, program, options);
  options.capture = true;
  const std::string captured = OutputOf(ranks, program + kShowReplayed, options);
  const size_t line = captured.rfind('\n');
  EXPECT_NE(line, std::string::npos);
  EXPECT_EQ(captured.substr(0, line), eager);
  EXPECT_EQ(eager.find("nan"), std::string::npos);
  return std::stoi(captured.substr(line + 1));
}

}  // namespace eta::parallel
