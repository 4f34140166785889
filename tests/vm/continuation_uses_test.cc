#include "vm/continuation_uses.h"

#include <gtest/gtest.h>

#include <string>

#include "tests/vm/test_vm.h"

namespace eta {
namespace {

class ContinuationUsesTest : public testing::Test {
 protected:
  // Whether the program's bytecode has that instruction.
  static bool Emits(const std::string& text, const std::string& instruction) {
    std::string listing;
    Vm::Options options;
    options.listing = &listing;
    TestVm vm(std::move(options));
    EXPECT_EQ(vm.Run("(define (f x) x) (define (g x) (+ 1 (f x))) (define saved '()) "
                     "(define (main) '()) (define (test xs) " +
                     text + ")"),
              "");
    return listing.find(instruction) != std::string::npos;
  }
  static bool OnlyEscapes(const std::string& text) {
    const bool escapes = Emits(text, "PushEscape");
    EXPECT_NE(escapes, Emits(text, "PushContinuation")) << text;
    return escapes;
  }
};

TEST_F(ContinuationUsesTest, CallsOfTheContinuationOnlyEscape) {
  EXPECT_TRUE(OnlyEscapes("(call/cc (lambda (k) 1))"));
  EXPECT_TRUE(OnlyEscapes("(call/cc (lambda (k) (if (f xs) (k 1)) 2))"));
  EXPECT_TRUE(OnlyEscapes("(call/cc (lambda (k) (let loop ((i 0)) (if (f i) (k i)) (loop i))))"));
  EXPECT_TRUE(OnlyEscapes("(call/cc (lambda (k) (for-each (lambda (x) (k x)) xs)))"));
  EXPECT_TRUE(OnlyEscapes("(call/cc (lambda (k) (define (leave x) (k x)) (+ 1 (leave 2))))"));
  EXPECT_TRUE(
      OnlyEscapes("(call/cc (lambda (k) (letrec ((a (lambda (x) (b x))) (b (lambda (x) (k x)))) (+ "
                  "1 (a 2)))))"));
  EXPECT_TRUE(OnlyEscapes(
      "(call/cc (lambda (k) (dynamic-wind (lambda () 1) (lambda () (k 2)) (lambda () 3))))"));
}

TEST_F(ContinuationUsesTest, AContinuationThatGetsAwayIsKept) {
  EXPECT_FALSE(OnlyEscapes("(call/cc f)"));
  EXPECT_FALSE(OnlyEscapes("(call/cc (lambda (k) k))"));
  EXPECT_FALSE(OnlyEscapes("(call/cc (lambda (k) (f k)))"));
  EXPECT_FALSE(OnlyEscapes("(call/cc (lambda (k) (set! saved k) 1))"));
  EXPECT_FALSE(OnlyEscapes("(call/cc (lambda (k) (lambda () (k 1))))"));
  EXPECT_FALSE(OnlyEscapes("(call/cc (lambda (k) (f (lambda () (k 1)))))"));
  EXPECT_FALSE(OnlyEscapes("(call/cc (lambda (k) (for-each k xs)))"));
  EXPECT_FALSE(OnlyEscapes("(call/cc (lambda (k) (set! k f) (k 1)))"));
  EXPECT_FALSE(OnlyEscapes("(call/cc (lambda (k) (define (leave x) (k x)) leave))"));
  EXPECT_FALSE(OnlyEscapes("(call/cc (lambda (k) (let ((also k)) (also 1))))"));
  EXPECT_FALSE(OnlyEscapes("(call/cc (lambda all ((car all) 1)))"));
}

TEST_F(ContinuationUsesTest, VariablesAreBoxedOnlyWhereAContinuationMayPutThemBack) {
  EXPECT_TRUE(Emits("(let ((n 0)) (set! n (+ 1 (f n))) n)", "MakeBox"));
  EXPECT_TRUE(Emits("(let ((n 0)) (map f xs) (set! n 1) n)", "MakeBox"));
  EXPECT_FALSE(Emits("(let ((n 0)) (set! n (+ n 1)) n)", "MakeBox"));
  EXPECT_FALSE(Emits("(let ((n 0)) (set! n (vector-length xs)) (f n))", "MakeBox"));
  EXPECT_FALSE(Emits("(let ((n (f xs))) n)", "MakeBox"));
}

}  // namespace
}  // namespace eta
