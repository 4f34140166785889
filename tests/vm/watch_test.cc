#include "vm/watch.h"

#include <gtest/gtest.h>

#include "tests/vm/test_vm.h"

namespace eta {
namespace {

class WatchTest : public testing::Test {
 protected:
  Value Enter(std::string_view text) {
    Value value;
    EXPECT_TRUE(vm_.vm().RunSubmission(text, "test.eta", &value)) << text;
    return value;
  }

  // Calls the procedure f, which must give 6, with 3.
  void WatchF() {
    Watch watch(vm_.vm(), [](const NativeDef& native, Args args) {
      if (native.name != "display") return std::string();
      return std::to_string(args.size()) + " values are displayed";
    });
    const Root procedure(vm_.heap(), Enter("f"));
    const Value argument = Value::Int(3);
    Value result;
    {
      const Watch::Scope scope(watch);
      result = vm_.vm().Call(procedure, {&argument, 1});
      vm_.heap().Collect();
    }
    EXPECT_EQ(result, Value::Int(6));
    objection_ = watch.objection();
    readings_ = watch.TakeReadings();
  }

  // Why it could not be repeated.
  std::string Objection(std::string_view definitions) {
    Enter(definitions);
    WatchF();
    return objection_;
  }

  // What of its readings does not hold after `change`.
  std::string Change(std::string_view definitions, std::string_view change) {
    EXPECT_EQ(Objection(definitions), "");
    EXPECT_TRUE(readings_.Hold(vm_.vm()));
    Enter(change);
    return readings_.Hold(vm_.vm()) ? "" : readings_.Change(vm_.vm());
  }

  TestVm vm_;
  std::string objection_;
  Readings readings_;
};

TEST_F(WatchTest, WhatOnlyComputesMayBeRepeated) {
  EXPECT_EQ(Objection("(define (double x) (* 2 x)) (define (f x) (double x))"), "");
  EXPECT_EQ(Objection("(define (f x) (let loop ((i 0) (sum 0)) (if (< i x)"
                      " (loop (+ i 1) (+ sum 2)) sum)))"),
            "");
  EXPECT_EQ(Objection("(define (f x) (apply + (map (lambda (y) (+ x y)) '(0 0))))"), "");
}

TEST_F(WatchTest, AVariableOfTheCallItselfMayBeSet) {
  EXPECT_EQ(Objection("(define (f x) (define sum 0)"
                      " (for-each (lambda (y) (set! sum (+ sum y))) '(1 2 3)) sum)"),
            "");
}

TEST_F(WatchTest, ChangesOfAnythingElseAreObjectedTo) {
  EXPECT_EQ(Objection("(define n 0) (define (f x) (set! n x) 6)"), "the variable n is set");
  EXPECT_EQ(Objection("(define f (let ((n 0)) (lambda (x) (set! n (+ n x)) 6)))"),
            "a local variable is set");
  EXPECT_EQ(Objection("(define v (vector 1)) (define (f x) (vector-set! v 0 x) 6)"),
            "a vector is changed");
}

TEST_F(WatchTest, WaysOutAreObjectedTo) {
  const std::string left = "errors are caught, or a procedure may be left early";
  EXPECT_EQ(Objection("(define (f x) (catch 'k (* 2 x)))"), left);
  EXPECT_EQ(Objection("(define (f x) (call/cc (lambda (k) (+ 1 (k (* 2 x))))))"), left);
}

TEST_F(WatchTest, NativesAreJudgedWhereverTheyAreCalled) {
  const std::string one = "1 values are displayed";
  EXPECT_EQ(Objection("(define (f x) (display \"\") 6)"), one);
  EXPECT_EQ(Objection("(define (show) (display \"\")) (define (f x) (if (> x 2) (show)) 6)"), one);
  EXPECT_EQ(Objection("(define (f x) (for-each display '(\"\")) 6)"), one);
  EXPECT_EQ(Objection("(define (f x) (apply display '(\"\")) 6)"), one);
  EXPECT_EQ(Objection("(define (f x) (if (< x 2) (display \"\")) 6)"), "");
}

TEST_F(WatchTest, WhatWasReadMustHold) {
  const std::string reads = "(define n 2) (define m 1) (define (f x) (* n x))";
  EXPECT_EQ(Change(reads, "(set! n 3)"), "the variable n");
  EXPECT_EQ(Change(reads, "(set! n 2)"), "");
  EXPECT_EQ(Change(reads, "(set! m 3)"), "");
  EXPECT_EQ(Change("(define (g x) (* 2 x)) (define (f x) (g x))", "(set! g (lambda (x) 6))"),
            "the variable g");
  EXPECT_EQ(Change("(define set 1) (define f (let ((n 2)) (set! set (lambda (x) (set! n x)))"
                   " (lambda (x) (* n x))))",
                   "(set 4)"),
            "a local variable");
  EXPECT_EQ(Change("(define v (vector 2 1)) (define (f x) (* (vector-ref v 0) x))",
                   "(vector-set! v 0 4)"),
            "an element of a vector");
  EXPECT_EQ(Change("(define v (vector 2 1)) (define (f x) (* (vector-ref v 0) x))",
                   "(vector-set! v 1 4)"),
            "");
}

TEST_F(WatchTest, ListsHoldAsLongAsNoneIsChanged) {
  const std::string car = "(define l (list 2)) (define (f x) (* (car l) x))";
  EXPECT_EQ(Change(car, "(set-car! l 3)"), "a list");
  EXPECT_EQ(Change(car, "(set-cdr! l '(3))"), "a list");
  EXPECT_EQ(Change(car, "(list-set! l 0 3)"), "a list");
  EXPECT_EQ(Change("(define l '(2 3)) (define (f x) (apply * l))", "(set-car! (list 1) 3)"),
            "a list");
  EXPECT_EQ(Change("(define n 2) (define (f x) (* n x))", "(set-car! (list 1) 3)"), "");
}

}  // namespace
}  // namespace eta
