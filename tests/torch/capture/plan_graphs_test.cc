#include "torch/capture/plan_graphs.h"

#include <gtest/gtest.h>

#include <functional>

namespace eta::tensor {
namespace {

// What the device was asked to do.
std::string calls;

class Graph final : public DeviceGraph {
 public:
  void Capture(const at::Generator&, c10::function_ref<void()> enqueue) override {
    calls += "capture(";
    enqueue();
    calls += ") ";
  }
  void Launch() override { calls += "launch "; }
};

class Graphs final : public DeviceGraphs {
 public:
  void WarmUp(c10::function_ref<void()> enqueue) override {
    calls += "warm-up(";
    enqueue();
    calls += ") ";
  }
  std::unique_ptr<DeviceGraph> Make() override { return std::make_unique<Graph>(); }
};

class PlanGraphsTest : public testing::Test {
 protected:
  PlanGraphsTest() {
    RegisterDeviceGraphs(c10::kXPU, [](c10::Device) -> std::unique_ptr<DeviceGraphs> {
      return std::make_unique<Graphs>();
    });
  }

  // What happens in a run of these parts.
  std::string RunOf(std::initializer_list<size_t> parts) {
    calls.clear();
    for (size_t part : parts) {
      graphs_.Run({nullptr, part}, at::Generator(), [&] { calls += std::to_string(part) + " "; });
    }
    graphs_.EndRun();
    return calls;
  }
  void RunUntilGraphs(std::initializer_list<size_t> parts) {
    for (int run = 0; run <= PlanGraphs::kPlainRuns; ++run) RunOf(parts);
    EXPECT_TRUE(graphs_.launches());
  }

  PlanGraphs graphs_{c10::Device(c10::kXPU, 0)};
};

TEST_F(PlanGraphsTest, PartsAreCapturedOnceTheyAreWarm) {
  for (int run = 0; run < PlanGraphs::kPlainRuns; ++run) {
    EXPECT_FALSE(graphs_.launches());
    EXPECT_EQ(RunOf({1, 2}), "1 2 ");
  }
  EXPECT_EQ(RunOf({1, 2}), "warm-up(1 ) warm-up(2 ) ");
  EXPECT_TRUE(graphs_.launches());
  EXPECT_EQ(RunOf({1, 2}), "capture(1 ) launch capture(2 ) launch ");
  EXPECT_EQ(RunOf({1, 2}), "launch launch ");
  EXPECT_EQ(graphs_.count(), 2U);
}

// A step in which nothing counts has no backward pass.
TEST_F(PlanGraphsTest, ARunMayEndEarly) {
  RunUntilGraphs({1, 2});
  EXPECT_EQ(RunOf({1}), "capture(1 ) launch ");
  EXPECT_EQ(RunOf({1, 2}), "launch capture(2 ) launch ");
  EXPECT_EQ(RunOf({1}), "launch ");
  EXPECT_EQ(RunOf({1, 2}), "launch launch ");
}

TEST_F(PlanGraphsTest, OtherPartsAreRunAndThenCaptured) {
  RunUntilGraphs({1, 2});
  RunOf({1, 2});
  EXPECT_EQ(RunOf({1, 3, 4}), "launch 3 4 ");
  EXPECT_EQ(RunOf({1, 3, 4}), "capture(1 ) launch capture(3 ) launch capture(4 ) launch ");
}

TEST_F(PlanGraphsTest, PartsThatAlwaysChangeAreRun) {
  RunUntilGraphs({1, 2});
  for (size_t run = 0; run < 20; ++run) RunOf({1, 2 + run});
  EXPECT_EQ(RunOf({1, 2}), "1 2 ");
  EXPECT_EQ(graphs_.problem(), "who waits for gradients changes each time");
}

TEST_F(PlanGraphsTest, ChangesThatAreRareDoNotCount) {
  RunUntilGraphs({1});
  for (int change = 0; change < 3 * PlanGraphs::kMostCaptures; ++change) {
    for (int run = 0; run <= PlanGraphs::kWorthwhileRuns; ++run) RunOf({1});
    graphs_.Invalidate("a change");
    EXPECT_EQ(RunOf({1}), "capture(1 ) launch ");
  }
}

TEST_F(PlanGraphsTest, ADeviceWithoutGraphsRuns) {
  PlanGraphs none(c10::Device(c10::kVE, 0));
  for (int run = 0; run < 10; ++run) {
    bool ran = false;
    none.Run({nullptr, 1}, at::Generator(), [&] { ran = true; });
    none.EndRun();
    EXPECT_TRUE(ran);
  }
  EXPECT_EQ(none.problem(), "the device has no graphs");
}

TEST(DeviceGraphTest, GpusNeedALibrary) {
  std::string problem;
  EXPECT_EQ(MakeDeviceGraphs(c10::Device(c10::kCUDA, 0), &problem), nullptr);
  EXPECT_NE(problem.find("libeta_cuda_graphs.so"), std::string::npos) << problem;
}

}  // namespace
}  // namespace eta::tensor
