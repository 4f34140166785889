#include "parallel/isolate/insight_natives.h"

#include <gtest/gtest.h>

#include <string>

#include "tests/parallel/isolate/group_runner.h"

namespace eta::parallel {
namespace {

constexpr const char* kImports =
    "(import std.core) (import std.io) (import std.time) (import std.parallel)\n";

TEST(InsightNativesTest, StatsAreOfAllRanks) {
  const GroupRun run = RunGroup(2, std::string(kImports) + R"(
    (if (= (rank) 1) (time:sleep-ms 100))
    (barrier)
    (define stats (parallel-stats))
    (define (wait-of r) (hash-map-ref (list-ref stats r) 'wait))
    (println (map (lambda (s) (hash-map-ref s 'rank)) stats))
    (println (map (lambda (s) (hash-map-ref s 'steps)) stats))
    (println (> (wait-of 0) (wait-of 1)))
    (println (>= (hash-map-ref (car stats) 'elapsed) (wait-of 0)))
    (barrier))");
  EXPECT_EQ(run.exit_code, 0) << run.diagnostic;
  EXPECT_EQ(run.output, "(0 1)\n(0 0)\n#t\n#t\n");
}

TEST(InsightNativesTest, WithoutADeviceItIsTheCpu) {
  const GroupRun run = RunGroup(1, std::string(kImports) + "(println (replica-device))");
  EXPECT_EQ(run.output, "cpu\n");
}

TEST(InsightNativesTest, OnInterruptTakesAProcedure) {
  const GroupRun run = RunGroup(1, std::string(kImports) + "(on-interrupt 1)");
  EXPECT_TRUE(Contains(run.diagnostic, "on-interrupt: procedure required"));
}

}  // namespace
}  // namespace eta::parallel
