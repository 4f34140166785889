// Tensor memory and the garbage collector: loops stay bounded, limits are errors.
#include <gtest/gtest.h>

#include "tests/torch/script.h"
#include "torch/tensor_object.h"

namespace eta::tensor {
namespace {

constexpr size_t kMebi = size_t{1} << 20;

TEST(LimitsTest, ALoopThatMakesGigabytesStaysBounded) {
  Script script({}, {.limit_bytes = 256 * kMebi});
  // 500 times 8 MB.
  EXPECT_EQ(
      script.Run("(define (loop i) (if (> i 0) (begin (torch/ones '(1000 1000)) (loop (- i 1)))))"
                 "(loop 500) (write 'done)"),
      "done");
  EXPECT_GE(script.vm().heap().stats().collections, 4000u / 256);
}

// Pages that nobody writes to cost nothing, so all of it is quick.
TEST(LimitsTest, ALoopThatMakesATerabyteStaysBounded) {
  Script script({}, {.limit_bytes = 256 * kMebi});
  EXPECT_EQ(script.Run("(define x (torch/ones '(8 1000 1000)))"
                       "(define (loop i) (if (> i 0) (begin (torch/empty-like x) (loop (- i 1)))))"
                       "(loop 15700) (write 'done)"),
            "done");
}

TEST(LimitsTest, AGraphCountsWithItsLoss) {
  Script script({}, {.limit_bytes = 256 * kMebi});
  // Each loss is one number, and keeps 8 MB that only its graph refers to.
  EXPECT_EQ(
      script.Run("(define x (torch/ones '(1000 1000))) (torch/requires-grad! x #t)"
                 "(define (loop i) (if (> i 0) (begin (torch/sum (torch/exp x)) (loop (- i 1)))))"
                 "(loop 150) (write 'done)"),
      "done");
}

// A view has no elements of its own, but libtorch's object for it.
TEST(LimitsTest, ViewsCountToo) {
  Script script({}, {.limit_bytes = 256 * kMebi});
  EXPECT_EQ(script.Run("(define x (torch/ones '(7 3)))"
                       "(define (loop i) (if (> i 0) (begin (torch/slice x 0 0 3) (loop (- i 1)))))"
                       "(loop 400000) (write 'done)"),
            "done");
  EXPECT_GE(script.vm().heap().stats().collections, 400000 * 512 / (256 * kMebi));
  script.vm().heap().Collect();
  const size_t before = script.vm().heap().used_bytes();
  script.Run(
      "(define x (torch/ones '(7 3))) (define kept '()) (define (keep i) (if (> i 0) (begin"
      "  (set! kept (cons (torch/slice x 0 0 3) kept)) (keep (- i 1))))) (keep 1000)");
  EXPECT_GE(script.vm().heap().used_bytes(), before + 500 * 1000);
}

TEST(LimitsTest, AHugeTensorIsACatchableHeapError) {
  Script script({}, {.limit_bytes = 256 * kMebi});
  EXPECT_EQ(script.Eval("(car (cdr (catch 'runtime.heap-error (torch/ones '(10000 10000)))))"),
            "runtime.heap-error");
  EXPECT_EQ(script.Eval("(torch/item (torch/sum (torch/ones '(1000))))"), "1000.0");
}

TEST(LimitsTest, AnAbsurdShapeIsAnError) {
  Script script;
  EXPECT_EQ(script.Eval("(torch/ones '(1000000000 1000000000))").find("error: "), 0u);
  EXPECT_EQ(script.Eval("(torch/ones '(1000000000 1000000))").find("error: runtime.heap-error"),
            0u);
}

TEST(LimitsTest, GarbageMakesRoomForATensorThatWouldNotFit) {
  Script script({}, {.limit_bytes = 96 * kMebi});
  // 64 MB at a time: the second fits only after the first was collected.
  EXPECT_EQ(script.Run("(define (make) (torch/ones '(8 1000 1000)) 'made)"
                       "(make) (make) (make) (write (make))"),
            "made");
}

TEST(LimitsTest, TensorsOutliveTheirVm) {
  Tensor kept;
  {
    Script script;
    script.Run("(define kept (torch/ones '(1000)))");
    for (Value global : script.vm().globals()) {
      if (const Tensor* tensor = TensorIn(global)) kept = *tensor;
    }
  }
  ASSERT_TRUE(kept.defined());
  EXPECT_EQ(kept.numel(), 1000);
}

}  // namespace
}  // namespace eta::tensor
