// tools/plan_scale predicts what its model says, worked out here by hand.
#include <gtest/gtest.h>

#include <sstream>
#include <string>
#include <vector>

#include "tests/golden.h"

namespace eta {
namespace {

struct Row {
  int hosts, gpus;
  std::string between;
  double reduce_ms, step_ms, efficiency;
};

std::vector<Row> Predict(const std::string& options) {
  const Outcome outcome = RunCommand("python3 tools/plan_scale --meeting 0us " + options);
  EXPECT_EQ(outcome.status, 0) << outcome.errors;
  std::istringstream lines(outcome.output);
  std::string header;
  std::getline(lines, header);
  std::vector<Row> rows;
  for (Row row; lines >> row.hosts >> row.gpus >> row.between >> row.reduce_ms >> row.step_ms >>
                row.efficiency;) {
    rows.push_back(row);
  }
  return rows;
}

// A step of 3 ms alone, whose backward pass has two buckets ready after 2 and 3 ms.
const std::string kStep = "--forward-ms 1 --backward-ms 2 --gradients 8M --bucket 4M ";

TEST(PlanScaleTest, ABucketTravelsWhileTheNextIsComputed) {
  const auto rows = Predict(kStep + "--hosts 1,2 --per-host 1 --outer 100us,1G");
  ASSERT_EQ(rows.size(), 2u);
  EXPECT_EQ(rows[0].between, "none");
  EXPECT_DOUBLE_EQ(rows[0].step_ms, 3);
  EXPECT_DOUBLE_EQ(rows[0].efficiency, 1);
  // Each bucket: a meeting, 0.1 ms, and 2 messages of 2 MB, 2.1 ms each. The first is done at 6.3
  // ms, the second at 10.6. Two more meetings.
  EXPECT_DOUBLE_EQ(rows[1].reduce_ms, 8.6);
  EXPECT_DOUBLE_EQ(rows[1].step_ms, 10.8);
  EXPECT_DOUBLE_EQ(rows[1].efficiency, 0.278);
}

TEST(PlanScaleTest, WithoutOverlapAllTravelsAfterwards) {
  const auto rows = Predict(kStep + "--no-overlap --hosts 2 --per-host 1 --outer 100us,1G");
  ASSERT_EQ(rows.size(), 1u);
  EXPECT_DOUBLE_EQ(rows[0].step_ms, 3 + 8.6 + 0.2);
}

TEST(PlanScaleTest, GpusOfAMachineShareWhatTravelsBetweenMachines) {
  // Within: 6 messages of 1 MB at 10 GB/s, 0.1 ms each; between: 2 of 0.5 MB, 0.5 ms each.
  const auto rows = Predict(kStep + "--hosts 2 --per-host 4 --inner 0us,10G --outer 0us,1G");
  ASSERT_EQ(rows.size(), 1u);
  EXPECT_EQ(rows[0].gpus, 8);
  EXPECT_DOUBLE_EQ(rows[0].reduce_ms, 2 * (0.6 + 1));
}

TEST(PlanScaleTest, ManyMachinesAreATree) {
  const auto rows = Predict(kStep + "--hosts 2,1024 --per-host 1 --outer 1000us,1G");
  ASSERT_EQ(rows.size(), 2u);
  EXPECT_EQ(rows[0].between, "ring");
  EXPECT_EQ(rows[1].between, "tree");
  // A meeting, 10 levels up and 10 down, and 2 x 4 MB.
  EXPECT_DOUBLE_EQ(rows[1].reduce_ms, 2 * (1 + 20 + 8));
}

TEST(PlanScaleTest, ProcessesMeetBeforeEachReductionAndTwiceMore) {
  const auto rows = Predict(kStep + "--hosts 5 --per-host 1 --outer 0us,1T --meeting 250us");
  ASSERT_EQ(rows.size(), 1u);
  // 1 ms for each of four meetings; those before the reductions begin at 2 and 3 ms.
  EXPECT_NEAR(rows[0].step_ms, 6, 0.1);
}

TEST(PlanScaleTest, RefusesWhatMakesNoSense) {
  for (const char* options : {"--hosts 1,x", "--hosts 0", "--outer 5", "--gradients 0",
                              "--bucket x", "--meeting 3", "--per-host 0", "--forward-ms -1"}) {
    const Outcome outcome = RunCommand(std::string("python3 tools/plan_scale ") + options);
    EXPECT_EQ(outcome.status, 2) << options;
    EXPECT_NE(outcome.errors.find("error: "), std::string::npos) << options;
  }
}

}  // namespace
}  // namespace eta
