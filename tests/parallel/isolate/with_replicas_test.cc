#include "parallel/isolate/with_replicas.h"

#include <string>

#include "tests/parallel/isolate/group_runner.h"

namespace eta::parallel {
namespace {

using namespace std::chrono_literals;

TEST(WithReplicasTest, GivesTheResultsByRank) {
  EXPECT_EQ(RunAlone("(write (with-replicas 3 (lambda () (list (rank) (world-size)))))"),
            "((0 3) (1 3) (2 3))");
  EXPECT_EQ(RunAlone("(write (with-replicas 1 (lambda () (list (rank) (world-size)))))"),
            "((0 1))");
  EXPECT_EQ(RunAlone("(write (list (rank) (world-size)))"), "(0 1)");
}

TEST(WithReplicasTest, ReplicasMeet) {
  EXPECT_EQ(RunAlone("(write (with-replicas 3 (lambda () (all-gather-value (* 10 (rank))))))"),
            "((0 10 20) (0 10 20) (0 10 20))");
}

TEST(WithReplicasTest, NothingIsShared) {
  EXPECT_EQ(RunAlone("(define n 1) (define v (vector 1 2))\n"
                     "(define (work) (set! n (+ n (rank))) (vector-set! v 0 n) (list n v))\n"
                     "(write (with-replicas 2 work)) (write (list n v))"),
            "((1 #(1 2)) (2 #(2 2)))(1 #(1 2))");
}

TEST(WithReplicasTest, ResultsMayBeProcedures) {
  EXPECT_EQ(
      RunAlone("(define all (with-replicas 2 (lambda () (let ((n (rank))) (lambda (x) (+ x n))))))"
               "(write (map (lambda (f) (f 5)) all))"),
      "(5 6)");
}

TEST(WithReplicasTest, AnErrorNamesTheRankAndThePlace) {
  const std::string error = RunAlone(
      "(define (work)\n"
      "  (if (= (rank) 1) (car 1) (barrier)))\n"
      "(with-replicas 2 work)");
  EXPECT_TRUE(Contains(error,
                       "error [script.eta:4:1]: with-replicas: rank 1 failed at "
                       "script.eta:3:20: car: not a pair"));
}

TEST(WithReplicasTest, AnErrorCanBeCaughtAndTheProgramGoesOn) {
  EXPECT_EQ(RunAlone("(define (work) (if (= (rank) 1) (raise 'oops 1) (barrier)))\n"
                     "(define e (catch 'runtime.peer-failed (with-replicas 2 work)))\n"
                     "(write (car (cdr (cdr e))))\n"
                     "(write (with-replicas 2 rank))"),
            "\"with-replicas: rank 1 failed at script.eta:2:33: Unhandled raise: oops\"(0 1)");
}

TEST(WithReplicasTest, WhatCannotBeSentIsNamed) {
  EXPECT_TRUE(Contains(RunAlone("(define log (open-output-string))\n"
                                "(with-replicas 2 (lambda () (display 1 log)))"),
                       "error [script.eta:3:1]: with-replicas: cannot send a port, in the variable "
                       "log"));
  EXPECT_TRUE(
      Contains(RunAlone("(with-replicas 2 (lambda () (if (= (rank) 1) (current-output-port))))"),
               "with-replicas: rank 1 failed: the result: cannot send a port"));
}

TEST(WithReplicasTest, AnExitIsAnError) {
  EXPECT_TRUE(Contains(RunAlone("(with-replicas 2 (lambda () (exit 3)))"),
                       "with-replicas: the replicas exited with 3 instead of returning"));
  EXPECT_TRUE(
      Contains(RunAlone("(with-replicas 2 (lambda () (if (= (rank) 1) (exit 3) (barrier))))"),
               "with-replicas: rank 1 exited with 3 at script.eta:2:"));
}

TEST(WithReplicasTest, RanksThatDisagreeAreADesync) {
  EXPECT_TRUE(
      Contains(RunAlone("(write (car (cdr (catch 'runtime.desync (with-replicas 2 (lambda ()"
                        "  (if (= (rank) 0) (barrier) (all-gather-value 1))))))))"),
               "runtime.desync"));
}

TEST(WithReplicasTest, AStallIsAnErrorOfTheCaller) {
  EXPECT_TRUE(
      Contains(RunAlone("(with-replicas 2 (lambda () (if (= (rank) 1) (let loop () (loop)))\n"
                        "  (barrier)) 'stall-timeout 0.3)"),
               "with-replicas: rank 0 has waited"));
}

TEST(WithReplicasTest, RankZeroWritesOrAll) {
  const std::string work = "(lambda () (display (rank)) (newline) (barrier))";
  EXPECT_EQ(RunAlone("(with-replicas 2 " + work + ")"), "0\n");
  const std::string all = RunAlone("(with-replicas 2 " + work + " 'output 'all)");
  EXPECT_TRUE(Contains(all, "[0] 0\n"));
  EXPECT_TRUE(Contains(all, "[1] 1\n"));
}

TEST(WithReplicasTest, ReplicasReadTheCallersInput) {
  EXPECT_EQ(
      RunAlone(
          "(import std.io) (write (with-replicas 2 (lambda () (list (read-line) (read-line)))))", 4,
          "one\ntwo\n"),
      "((\"one\" \"two\") (\"one\" \"two\"))");
}

TEST(WithReplicasTest, ReplicasStartNoReplicas) {
  EXPECT_TRUE(Contains(RunAlone("(with-replicas 2 (lambda ()\n"
                                "  (barrier) (if (= (rank) 1) (with-replicas 2 rank) (barrier))))"),
                       "with-replicas: rank 1 failed at script.eta:3:30: with-replicas: this is "
                       "rank 1 of 2 already; only a program that runs alone can start replicas"));
  const GroupRun run = RunGroup(2, "(import std.parallel) (with-replicas 2 rank)");
  EXPECT_EQ(run.exit_code, 1);
  EXPECT_TRUE(Contains(run.diagnostic, " of 2 already; only a program that runs alone"));
}

TEST(WithReplicasTest, DevicesAreThoseOfTheProgramOrNamed) {
  EXPECT_EQ(RunAlone("(write (with-replicas 2 replica-device))"), "(\"cpu\" \"cpu\")");
  EXPECT_EQ(RunAlone("(write (with-replicas 2 replica-device 'devices \"cpu\"))"),
            "(\"cpu\" \"cpu\")");
  EXPECT_TRUE(Contains(RunAlone("(with-replicas 2 replica-device 'devices \"cuda:99\")"),
                       "with-replicas: 'devices: there is no device cuda:99: this machine has"));
  EXPECT_TRUE(Contains(RunAlone("(with-replicas 2 replica-device 'devices \"tpu\")"),
                       "'devices: expected auto, cpu or a list like cuda:0,cuda:2, not 'tpu'"));
  EXPECT_TRUE(Contains(RunAlone("(with-replicas 2 replica-device 'devices 0)"),
                       "'devices must be a string"));
}

TEST(WithReplicasTest, BackendsAreNamed) {
  EXPECT_EQ(RunAlone("(write (with-replicas 2 rank 'backend 'local))"), "(0 1)");
  EXPECT_TRUE(Contains(RunAlone("(with-replicas 2 rank 'backend 'carrier-pigeon)"),
                       "with-replicas: there is no backend 'carrier-pigeon'; there are auto"));
  EXPECT_TRUE(Contains(RunAlone("(with-replicas 2 rank 'backend 1)"), "'backend must be a symbol"));
}

TEST(WithReplicasTest, BadArgumentsAreNamed) {
  EXPECT_TRUE(Contains(RunAlone("(with-replicas 0 rank)"),
                       "the number of replicas must be an integer from 1 to 256"));
  EXPECT_TRUE(Contains(RunAlone("(with-replicas 2 5)"), "the second argument must be a procedure"));
  EXPECT_TRUE(Contains(RunAlone("(with-replicas 2 rank 'output)"), "the last option has no value"));
  EXPECT_TRUE(
      Contains(RunAlone("(with-replicas 2 rank 'output 'some)"), "'output must be 'first or 'all"));
  EXPECT_TRUE(
      Contains(RunAlone("(with-replicas 2 rank 'colour 1)"), "an option must be one of 'threads"));
  EXPECT_TRUE(
      Contains(RunAlone("(with-replicas 2 (lambda (x) x))"), "failed: Wrong number of arguments"));
}

// Replicas end when the program that waits for them has to.
TEST(WithReplicasTest, EndWithTheProgramThatStartedThem) {
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_TRUE(
      Contains(RunAlone("(define (hang) (with-replicas 2 (lambda () (let loop () (loop)))))\n"
                        "(parallel-map (lambda (x) (if (= x 0) (car x) (hang))) '(0 1))"),
               "element 0 failed at script.eta:3:39: car"));
  EXPECT_LT(std::chrono::steady_clock::now() - begin, 5s);
}

}  // namespace
}  // namespace eta::parallel
