// shard, all-reduce, all-gather, broadcast, replicas-equal?, on worlds of 1 to 4 ranks.
#include <gtest/gtest.h>

#include "tests/parallel/training/replicas.h"

namespace eta::parallel {
namespace {

// What every rank writes of an expression, which must be the same.
std::string Eval(int ranks, const std::string& expression) {
  return OutputOf(ranks, "(write " + expression + ")");
}

TEST(CollectiveOpsTest, ShardsAreContiguousAndAllRowsAreTaken) {
  const std::string program = R"(
    (define t (torch/reshape (torch/arange 0 14 1) '(7 2)))
    (write (list (torch/shape (parallel/shard t)) (torch/to-list (parallel/shard t)))))";
  const auto results = RunReplicas(3, program);
  EXPECT_EQ(results[0].output, "((3 2) (0.0 1.0 2.0 3.0 4.0 5.0))");
  EXPECT_EQ(results[1].output, "((2 2) (6.0 7.0 8.0 9.0))");
  EXPECT_EQ(results[2].output, "((2 2) (10.0 11.0 12.0 13.0))");
  EXPECT_EQ(RunReplicas(4, "(write (torch/shape (parallel/shard (torch/ones '(2 5)))))")[3].output,
            "(0 5)");
  EXPECT_EQ(Eval(1, "(torch/shape (parallel/shard (torch/ones '(2 5))))"), "(2 5)");
}

TEST(CollectiveOpsTest, AllReduceOfTensors) {
  const std::string own = "(torch/tensor (list 1.0 (* 2.0 rank)))";
  for (int ranks = 1; ranks <= 4; ++ranks) {
    const auto reduced = [&](const std::string& op) {
      return NumbersIn(Eval(ranks, "(torch/to-list (parallel/all-reduce " + own + op + "))"));
    };
    const double last = 2.0 * (ranks - 1), sum = last * ranks / 2;
    using Numbers = std::vector<double>;
    EXPECT_EQ(reduced(""), (Numbers{1.0 * ranks, sum}));
    EXPECT_EQ(reduced(" 'sum"), (Numbers{1.0 * ranks, sum}));
    EXPECT_EQ(reduced(" 'mean"), (Numbers{1.0, sum / ranks}));
    EXPECT_EQ(reduced(" 'max"), (Numbers{1.0, last}));
    EXPECT_EQ(reduced(" 'min"), (Numbers{1.0, 0.0}));
  }
}

TEST(CollectiveOpsTest, ReduceScatterGivesTheOwnRowsOfAllReduce) {
  for (int ranks = 1; ranks <= 4; ++ranks) {
    for (const char* op : {"", " 'sum", " 'mean", " 'max", " 'min"}) {
      const std::string reduction = op;
      const std::string program =
          "(let ((t (torch/mul (torch/reshape (torch/arange 0 14 1) '(7 2))"
          "                    (torch/tensor (+ rank 1)))))"
          "  (equal? (torch/to-list (parallel/reduce-scatter t" +
          reduction +
          "))"
          "          (torch/to-list (parallel/shard (parallel/all-reduce t" +
          reduction + ")))))";
      EXPECT_EQ(Eval(ranks, program), "#t") << ranks << op;
    }
  }
}

TEST(CollectiveOpsTest, AllReduceMakesANewTensor) {
  EXPECT_EQ(OutputOf(2, R"(
    (define t (torch/tensor '(1 2)))
    (parallel/all-reduce t)
    (write (torch/to-list t)))"),
            "(1.0 2.0)");
}

TEST(CollectiveOpsTest, AllReduceOfNumbers) {
  EXPECT_EQ(Eval(1, "(parallel/all-reduce 3)"), "3");
  EXPECT_EQ(Eval(3, "(parallel/all-reduce (+ rank 1))"), "6");
  EXPECT_EQ(Eval(3, "(parallel/all-reduce (+ rank 1) 'max)"), "3");
  EXPECT_EQ(Eval(3, "(parallel/all-reduce (+ rank 1) 'min)"), "1");
  EXPECT_EQ(Eval(3, "(parallel/all-reduce (+ rank 1) 'mean)"), "2.0");
  EXPECT_EQ(Eval(3, "(parallel/all-reduce (if (= rank 1) 0.5 1))"), "2.5");
  EXPECT_EQ(Eval(1, "(parallel/all-reduce 2 'mean)"), "2.0");
}

TEST(CollectiveOpsTest, AllReduceOfIntegersOverflowsAsTheLanguageDoes) {
  const std::string most = "9223372036854775807", least = "-9223372036854775808";
  EXPECT_EQ(Eval(1, "(parallel/all-reduce " + most + ")"), most);
  EXPECT_EQ(Eval(2, "(parallel/all-reduce " + most + ")"), "1.8446744073709552e+19");
  EXPECT_EQ(Eval(2, "(parallel/all-reduce (if (= rank 0) " + most + " " + least + "))"), "-1");
  EXPECT_EQ(
      Eval(4, "(equal? (parallel/all-reduce (+ " + most + " (- rank 3)))" +
                  " (+ 9223372036854775804 9223372036854775805 9223372036854775806 " + most + "))"),
      "#t");
  EXPECT_EQ(Eval(2, "(parallel/all-reduce (- " + most + " rank) 'max)"), most);
  EXPECT_EQ(Eval(2, "(parallel/all-reduce (+ " + least + " rank) 'min)"), least);
}

TEST(CollectiveOpsTest, AllGatherJoinsUnevenRows) {
  const std::string program = R"(
    (define own (torch/reshape (torch/arange 0 (* 2 rank) 1) (list rank 2)))
    (define all (parallel/all-gather own))
    (write (list (torch/shape all) (torch/to-list all))))";
  EXPECT_EQ(OutputOf(1, program), "((0 2) ())");
  EXPECT_EQ(OutputOf(3, program), "((3 2) (0.0 1.0 0.0 1.0 2.0 3.0))");
  for (int ranks = 1; ranks <= 4; ++ranks) {
    EXPECT_EQ(
        Eval(ranks, "(torch/to-list (parallel/all-gather (parallel/shard (torch/arange 0 7 1))))"),
        "(0.0 1.0 2.0 3.0 4.0 5.0 6.0)");
  }
}

TEST(CollectiveOpsTest, BroadcastCopiesTheRootsTensor) {
  const std::string own = "(torch/tensor (list rank (+ rank 0.5)))";
  for (int ranks = 1; ranks <= 4; ++ranks) {
    EXPECT_EQ(Eval(ranks, "(torch/to-list (parallel/broadcast " + own + "))"), "(0.0 0.5)");
  }
  EXPECT_EQ(Eval(3, "(torch/to-list (parallel/broadcast " + own + " 2))"), "(2.0 2.5)");
}

TEST(CollectiveOpsTest, AllReduceInPlaceChangesTheTensor) {
  for (int ranks = 1; ranks <= 4; ++ranks) {
    const auto reduced = [&](const std::string& tensor, const std::string& op) {
      return OutputOf(ranks, "(define t " + tensor + R"()
        (define other (parallel/all-reduce t)" +
                                 op + R"())
        (parallel/all-reduce! t)" +
                                 op + R"()
        (write (equal? (torch/to-list t) (torch/to-list other))))");
    };
    for (const char* op : {"", " 'sum", " 'mean", " 'max", " 'min"}) {
      EXPECT_EQ(reduced("(torch/tensor (list 1.0 (* 2.0 rank)))", op), "#t");
      // Columns of a larger tensor.
      EXPECT_EQ(
          reduced("(torch/transpose (torch/mul (torch/ones '(3 2)) (torch/tensor rank)) 0 1)", op),
          "#t");
    }
  }
  EXPECT_EQ(OutputOf(2, R"(
    (define t (torch/tensor '(1 2)))
    (define view (torch/reshape t '(2 1)))
    (write (torch/to-list (parallel/all-reduce! view 'sum)))
    (write (torch/to-list t)))"),
            "(2.0 4.0)(2.0 4.0)");
}

TEST(CollectiveOpsTest, WhatAutogradNeedsIsNotReducedInPlace) {
  const auto error = [](const std::string& program) { return RunReplicas(2, program)[1].error; };
  EXPECT_EQ(
      error("(parallel/all-reduce! (torch/mul (torch/requires-grad! (torch/ones '(2)) #t) "
            "(torch/ones '(2))))"),
      "runtime.type-error: parallel/all-reduce!: the tensor is the result of an operation that "
      "has a gradient");
  EXPECT_EQ(error("(parallel/all-reduce! (torch/expand (torch/ones '(1)) '(4)))"),
            "runtime.type-error: parallel/all-reduce!: elements of the tensor share their memory");
  const std::string used = error(R"(
    (define x (torch/requires-grad! (torch/ones '(2)) #t))
    (define factor (torch/ones '(2)))
    (define y (torch/sum (torch/mul x factor)))
    (parallel/all-reduce! factor)
    (torch/backward y))");
  EXPECT_NE(used.find("modified by an inplace operation"), std::string::npos) << used;
}

TEST(CollectiveOpsTest, WrongArguments) {
  const auto error = [](const std::string& expression) {
    return RunReplicas(1, expression)[0].error;
  };
  EXPECT_EQ(error("(parallel/all-reduce \"x\")"),
            "runtime.type-error: parallel/all-reduce: tensor or number required");
  EXPECT_EQ(error("(parallel/all-reduce 1 'product)"),
            "runtime.type-error: parallel/all-reduce: the reduction must be 'sum, 'mean, 'max or "
            "'min");
  EXPECT_EQ(error("(parallel/broadcast (torch/ones '(1)) 1)"),
            "runtime.type-error: parallel/broadcast: there is no rank 1");
  EXPECT_EQ(error("(parallel/shard (torch/tensor 1))"),
            "runtime.type-error: parallel/shard: a tensor without axes has no rows to share out");
  EXPECT_EQ(error("(parallel/reduce-scatter (torch/tensor 1))"),
            "runtime.type-error: parallel/reduce-scatter: a tensor without axes has no rows to "
            "share out");
  EXPECT_EQ(error("(parallel/reduce-scatter (torch/ones '(2)) 'median)"),
            "runtime.type-error: parallel/reduce-scatter: the reduction must be 'sum, 'mean, 'max "
            "or 'min");
  EXPECT_EQ(error("(parallel/all-gather (torch/tensor 1))"),
            "runtime.type-error: parallel/all-gather: a tensor without axes has no rows to gather");
  EXPECT_NE(error("(parallel/all-reduce (torch/tensor '(1 2) 'int64) 'mean)"), "");
}

TEST(CollectiveOpsTest, RanksThatDisagreeAreNamed) {
  const auto expect_desync = [](const std::string& program, const std::string& message) {
    for (const ReplicaResult& result : RunReplicas(2, program)) {
      EXPECT_TRUE(result.error.starts_with("runtime.desync: ")) << result.error;
      EXPECT_NE(result.error.find(message), std::string::npos) << result.error;
    }
  };
  expect_desync("(parallel/all-reduce (torch/ones (list 2 (+ rank 1))))",
                "rank 0 brings (2 1) float64, rank 1 (2 2) float64 at train.eta:1:35");
  expect_desync("(parallel/reduce-scatter (torch/ones (list 2 (+ rank 1))))",
                "rank 0 brings (2 1)");
  expect_desync("(parallel/all-gather (torch/ones (list 2 (+ rank 1))))", "rank 0 brings (2 1)");
  expect_desync("(parallel/broadcast (torch/ones '(2)) rank)", "from rank 1");
  expect_desync("(parallel/all-reduce 1 (if (= rank 0) 'sum 'max))", "all-reduce max of a number");
  expect_desync("((if (= rank 0) parallel/all-reduce parallel/all-reduce!) (torch/ones '(2)))",
                "in all-reduce!");
  expect_desync("(if (= rank 0) (parallel/all-reduce 1) (parallel/all-reduce (torch/ones '(1))))",
                "train.eta:1:74");
}

TEST(CollectiveOpsTest, ReplicasEqualComparesBits) {
  EXPECT_EQ(OutputOf(1, "(write (parallel/replicas-equal? (nn/linear 2 2)))"), "#t");
  EXPECT_EQ(OutputOf(3, "(write (parallel/replicas-equal? (nn/linear 2 2)))"), "#t");
  EXPECT_EQ(OutputOf(3, R"(
    (if (= rank 2) (torch/manual-seed 9))
    (write (parallel/replicas-equal? (nn/linear 2 2))))"),
            "#f");
}

}  // namespace
}  // namespace eta::parallel
