#include "parallel/isolate/parallel_map.h"

#include <algorithm>
#include <string>

#include "tests/parallel/isolate/group_runner.h"

namespace eta::parallel {
namespace {

using namespace std::chrono_literals;

// By the number of threads that the program may use.
class ParallelMapTest : public testing::TestWithParam<int> {
 protected:
  std::string Run(const std::string& program) { return RunAlone(program, GetParam()); }
};

TEST_P(ParallelMapTest, KeepsTheOrder) {
  EXPECT_EQ(Run("(define (fib n) (if (< n 2) n (+ (fib (- n 1)) (fib (- n 2)))))"
                "(write (parallel-map fib '(15 1 14 2 13 3 12)))"),
            "(610 1 377 1 233 2 144)");
  EXPECT_EQ(Run("(write (parallel-map car '()))"), "()");
}

TEST_P(ParallelMapTest, NothingIsShared) {
  EXPECT_EQ(Run("(define n 0) (define v (vector 0))\n"
                "(define (work x) (set! n 5) (vector-set! v 0 x) (vector-ref v 0))\n"
                "(write (parallel-map work '(1 2 3))) (write (list n v))"),
            "(1 2 3)(0 #(0))");
}

TEST_P(ParallelMapTest, EachElementIsWorkedOnAlone) {
  EXPECT_EQ(Run("(write (parallel-map (lambda (x) (list x (rank) (world-size))) '(a b)))"),
            "((a 0 1) (b 0 1))");
}

TEST_P(ParallelMapTest, NoElementSeesWhatWasAssignedForAnother) {
  EXPECT_EQ(Run("(define n 0) (define v (vector 0)) (define (count m) (set! n (+ n m)) n)\n"
                "(define (work x) (vector-set! v 0 (+ (vector-ref v 0) 1))\n"
                "  (list (count 1) (vector-ref v 0)))\n"
                "(write (parallel-map work '(1 2 3 4 5)))"),
            "((1 1) (1 1) (1 1) (1 1) (1 1))");
}

TEST_P(ParallelMapTest, TheFirstElementThatFailsIsNamed) {
  const std::string error =
      Run("(define (work x)\n"
          "  (if (>= x 3) (car x) x))\n"
          "(parallel-map work '(0 1 2 3 4 5 6 7))");
  EXPECT_TRUE(Contains(error,
                       "error [script.eta:4:1]: parallel-map: element 3 failed at "
                       "script.eta:3:16: car: not a pair"));
}

TEST_P(ParallelMapTest, ErrorsAreCaughtAsIfFromMap) {
  EXPECT_EQ(Run("(define (work x) (if (= x 2) (raise 'oops (list x 'bad)) x))"
                "(write (catch 'oops (parallel-map work '(1 2 3))))"
                "(write (car (cdr (catch 'runtime.type-error (parallel-map car '(5))))))"),
            "(2 bad)runtime.type-error");
}

TEST_P(ParallelMapTest, AFailureStopsWorkBehindIt) {
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_TRUE(Contains(Run("(parallel-map (lambda (x) (if (= x 0) (car x) (let loop () (loop))))"
                           "              '(0 1 2 3))"),
                       "element 0 failed"));
  EXPECT_LT(std::chrono::steady_clock::now() - begin, 5s);
}

TEST_P(ParallelMapTest, AnExitIsAnError) {
  EXPECT_TRUE(Contains(Run("(parallel-map exit '(0))"), "element 0 failed"));
}

TEST_P(ParallelMapTest, LinesOfOutputStayWhole) {
  const std::string output = Run("(parallel-map (lambda (x) (display x) (newline)) '(11 22 33))");
  for (const char* line : {"11\n", "22\n", "33\n"}) EXPECT_TRUE(Contains(output, line));
  EXPECT_EQ(output.size(), 9u);
}

TEST_P(ParallelMapTest, MapsMayNest) {
  EXPECT_EQ(Run("(write (parallel-map (lambda (xs) (parallel-map (lambda (x) (* x x)) xs))"
                "                     '((1 2) (3))))"),
            "((1 4) (9))");
}

TEST_P(ParallelMapTest, BadArgumentsAreNamed) {
  EXPECT_TRUE(Contains(Run("(parallel-map 1 '(1))"), "the first argument must be a procedure"));
  EXPECT_TRUE(Contains(Run("(parallel-map car '(1 . 2))"), "parallel-map: not a proper list"));
  EXPECT_TRUE(Contains(Run("(define circle (list 1 2)) (set-cdr! (cdr circle) circle)"
                           "(parallel-map car circle)"),
                       "parallel-map: not a proper list"));
  EXPECT_TRUE(Contains(Run("(parallel-map car (list (open-output-string)))"),
                       "parallel-map: cannot send a port"));
}

TEST_P(ParallelMapTest, EndlessNestingIsAnError) {
  EXPECT_TRUE(Contains(Run("(define (nest x) (parallel-map nest (list x))) (nest 1)"),
                       "parallel-map: programs inside programs, 8 deep: no more can be started"));
}

INSTANTIATE_TEST_SUITE_P(Threads, ParallelMapTest, testing::Values(1, 2, 4));

// A map in a replica ends when the world does.
TEST(NestedMapTest, EndsWithTheWorldOfItsCaller) {
  const GroupRun run = RunGroup(2,
                                "(import std.core) (import std.parallel)\n"
                                "(if (= (rank) 0)\n"
                                "    (parallel-map (lambda (x) (let loop () (loop))) '(1))\n"
                                "    (begin (parallel-map car '((1))) (car 5)))");
  EXPECT_EQ(run.exit_code, 1);
  EXPECT_EQ(run.diagnostic.find("error [rank 1, script.eta:4:"), 0u) << run.diagnostic;
  EXPECT_LT(run.time, 5s);
}

}  // namespace
}  // namespace eta::parallel
