#include "parallel/isolate/value_collectives.h"

#include <string>

#include "tests/parallel/isolate/group_runner.h"

namespace eta::parallel {
namespace {

GroupRun RunAll(int size, const std::string& text) {
  GroupOptions options;
  options.size = size;
  options.output = OutputMode::kAll;
  return RunGroup(std::move(options), text);
}

// What every rank prints.
void ExpectOnAll(int size, const std::string& text, const std::string& line) {
  const GroupRun run = RunAll(size, text);
  EXPECT_EQ(run.diagnostic, "");
  for (int rank = 0; rank < size; ++rank) {
    EXPECT_TRUE(Contains(run.output, "[" + std::to_string(rank) + "] " + line + "\n"));
  }
}

TEST(ValueCollectivesTest, GatherByRank) {
  for (int size : {1, 2, 3, 4}) {
    std::string expected;
    for (int rank = 0; rank < size; ++rank) {
      expected += (rank ? " " : "") + ("(" + std::to_string(rank) + " \"x\")");
    }
    ExpectOnAll(size, "(write (parallel/all-gather-value (list (parallel/rank) \"x\")))",
                "(" + expected + ")");
  }
}

TEST(ValueCollectivesTest, BroadcastFromAnyRank) {
  for (int root : {0, 2}) {
    const std::string from = std::to_string(root);
    ExpectOnAll(3,
                "(write (parallel/broadcast-value (hash-map 'rank (parallel/rank)) " + from + "))",
                "#hashmap{rank " + from + "}");
  }
}

TEST(ValueCollectivesTest, ProceduresOfOtherRanksRunHere) {
  ExpectOnAll(2,
              "(define n (+ 10 (parallel/rank))) (define (next) (set! n (+ n 1)) n)"
              "(write (map (lambda (f) (f) (f)) (parallel/all-gather-value next)))"
              "(write (= n (+ 10 (parallel/rank))))",
              "(12 13)#t");
}

TEST(ValueCollectivesTest, CopiesShareNothing) {
  ExpectOnAll(2,
              "(define v (vector 0))"
              "(define all (parallel/all-gather-value v))"
              "(vector-set! (car all) 0 (+ 1 (parallel/rank)))"
              "(parallel/barrier)"
              "(write (list v (eq? v (car all)) (vector-ref (car (cdr all)) 0)))",
              "(#(0) #f 0)");
}

TEST(ValueCollectivesTest, AProgramAloneGetsCopiesToo) {
  EXPECT_EQ(RunAlone("(write (all-gather-value '(1 \"a\")))"), "((1 \"a\"))");
  EXPECT_EQ(RunAlone("(define v (vector 1)) (write (eq? v (broadcast-value v)))"), "#f");
  EXPECT_TRUE(Contains(RunAlone("(broadcast-value (current-output-port))"),
                       "error [script.eta:2:1]: broadcast-value: cannot send a port"));
  EXPECT_TRUE(Contains(RunAlone("(broadcast-value 1 1)"),
                       "broadcast-value: the root must be a rank, from 0 to 0"));
}

TEST(ValueCollectivesTest, WhatCannotBeSentIsAnErrorOnAllAndHarmsNobody) {
  const GroupRun run =
      RunAll(3,
             "(define (try thunk) (display (catch 'runtime.error (thunk))) (newline))\n"
             "(try (lambda () (parallel/all-gather-value\n"
             "  (if (= (parallel/rank) 1) (current-output-port) 0))))\n"
             "(display (parallel/all-gather-value (parallel/rank)))");
  EXPECT_EQ(run.diagnostic, "");
  EXPECT_TRUE(Contains(run.output, "all-gather-value: cannot send a port"));
  EXPECT_TRUE(Contains(run.output, "all-gather-value: rank 1 failed at script.eta:2:17: cannot"));
  for (int rank : {0, 1, 2}) {
    EXPECT_TRUE(Contains(run.output, "[" + std::to_string(rank) + "] (0 1 2)"));
  }
}

TEST(ValueCollectivesTest, DifferentRootsAreADesync) {
  const GroupRun run = RunGroup(2, "(parallel/broadcast-value 1 (parallel/rank))");
  EXPECT_EQ(run.exit_code, 1);
  EXPECT_TRUE(Contains(run.diagnostic,
                       "rank 0 broadcasts from rank 0 at script.eta:1:1, rank 1 "
                       "from rank 1 at script.eta:1:1"));
}

TEST(ValueCollectivesTest, AnotherCollectiveIsADesync) {
  const GroupRun run = RunGroup(2,
                                "(if (= (parallel/rank) 0) (parallel/broadcast-value 1)\n"
                                "    (parallel/all-gather-value 1))");
  EXPECT_EQ(run.exit_code, 1);
  EXPECT_TRUE(Contains(run.diagnostic, "rank 0 is in broadcast-value"));
  EXPECT_TRUE(Contains(run.diagnostic, "rank 1 in all-gather-value"));
}

}  // namespace
}  // namespace eta::parallel
