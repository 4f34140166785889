// (with-stall-timeout seconds thunk) among replicas.
#include <string>

#include "tests/parallel/isolate/group_runner.h"

namespace eta::parallel {
namespace {

using namespace std::chrono_literals;

GroupRun RunWith(std::chrono::nanoseconds stall_timeout, const std::string& text) {
  GroupOptions options;
  options.size = 2;
  options.stall_timeout = stall_timeout;
  return RunGroup(std::move(options),
                  "(import std.core) (import std.parallel) (import std.time)\n" + text);
}

TEST(StallTimeoutTest, ARankThatAsksForMoreTimeGetsIt) {
  const std::string pause = "(lambda () (if (= (rank) 1) (time:sleep-ms 600)) (barrier))";
  EXPECT_NE(RunWith(200ms, "(" + pause + ")").diagnostic, "");
  const GroupRun run = RunWith(200ms, "(with-stall-timeout 20 " + pause + ")");
  EXPECT_EQ(run.diagnostic, "");
  EXPECT_EQ(run.notes, "");
}

TEST(StallTimeoutTest, LessTimeHoldsInsideOnly) {
  const std::string pause = "(lambda () (if (= (rank) 1) (time:sleep-ms 600)) (barrier))";
  EXPECT_TRUE(Contains(RunWith(20s, "(with-stall-timeout 0.2 " + pause + ")").diagnostic,
                       "rank 0 has waited"));
  EXPECT_EQ(RunWith(20s, "(with-stall-timeout 0.2 (lambda () 1)) (" + pause + ")").diagnostic, "");
}

TEST(StallTimeoutTest, EndsWithAnError) {
  const std::string pause = "(if (= (rank) 1) (time:sleep-ms 600)) (barrier)";
  EXPECT_EQ(
      RunWith(20s, "(catch 'oops (with-stall-timeout 0.2 (lambda () (raise 'oops 1))))" + pause)
          .diagnostic,
      "");
}

}  // namespace
}  // namespace eta::parallel
