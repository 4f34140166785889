#include "parallel/training/local_step.h"

#include <gtest/gtest.h>

#include "torch/extension.h"
#include "vm/vm.h"

namespace eta::parallel {
namespace {

// The bytes in use after this many steps on one device, garbage included. A prediction has 512 KB.
size_t BytesAfter(int steps, const std::string& loss, const std::string& capture = "#f") {
  Vm vm({});
  tensor::InstallTensors(vm);
  std::string program = R"(
    (import std.core)
    (define model (nn/linear 4 64))
    (define optimizer (optim/sgd model 0.01 'momentum 0.9 'capture )" +
                        capture + R"())
    (define x (torch/ones '(1000 4)))
    (define y (torch/ones '(1000 64))))";
  for (int i = 0; i < steps; ++i) {
    program += "(optim/train-step! model optimizer " + loss + " x y)";
  }
  EXPECT_TRUE(vm.RunText(program, "train.eta"));
  EXPECT_EQ(vm.heap().stats().collections, 0u);
  return vm.heap().used_bytes();
}

TEST(LocalStepTest, ALossOfTheLibraryLeavesNoGarbageThatHoldsTensors) {
  const size_t first = BytesAfter(1, "nn/mse-loss");
  EXPECT_LT(BytesAfter(5, "nn/mse-loss"), first + 400'000);
}

TEST(LocalStepTest, AReplayLeavesNothing) {
  const size_t recorded = BytesAfter(2, "nn/mse-loss", "#t");
  EXPECT_LT(BytesAfter(9, "nn/mse-loss", "#t"), recorded + 40'000);
}

TEST(LocalStepTest, TensorsThatAProgramSawAreGarbage) {
  const std::string loss = "(lambda (p y) (nn/mse-loss p y))";
  const size_t first = BytesAfter(1, loss);
  EXPECT_GT(BytesAfter(5, loss), first + 4 * 512'000);
}

}  // namespace
}  // namespace eta::parallel
