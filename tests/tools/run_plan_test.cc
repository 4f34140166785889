#include "tools/run_plan.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "parallel/isolate/placement.h"
#include "tests/fakes/loopback.h"

namespace eta {
namespace {

using parallel::Device;
using parallel::Link;
using Names = std::vector<std::string>;

// What --devices says for each process of a job on these machines, which have four GPUs each.
std::vector<Names> Deal(const std::string& devices, const std::vector<int>& replicas,
                        const Names& hosts) {
  std::vector<Names> dealt(replicas.size());
  std::vector<Link::Introduction> introductions;
  for (const int count : replicas) introductions.push_back({.ranks = count});
  parallel::LoopbackJob job(static_cast<int>(hosts.size()), hosts);
  RunProcesses(job, introductions, [&](size_t p, parallel::Result<std::shared_ptr<Link>> link) {
    Options options;
    options.replicas = replicas[p];
    options.devices = *parallel::ParseDeviceChoice(devices);
    RunPlan plan;
    plan.gpus = {"A", "B", "C", "D"};
    plan.devices = *parallel::PlaceReplicas(options.devices, replicas[p], 4);
    EXPECT_TRUE(Settle(options, link->get(), &plan));
    EXPECT_TRUE(plan.warnings.empty());
    for (const Device device : plan.devices) dealt[p].push_back(parallel::NameOf(device));
  });
  return dealt;
}

TEST(RunPlanTest, ProcessesOfAMachineHaveItsGpusTogether) {
  const auto one_each = Deal("auto", {1, 1, 1, 1}, {"a", "a", "a", "a"});
  EXPECT_EQ(one_each, (std::vector<Names>{{"cuda:0"}, {"cuda:1"}, {"cuda:2"}, {"cuda:3"}}));
  const auto uneven = Deal("cuda:1,cuda:3,cuda:0", {1, 2}, {"a", "a"});
  EXPECT_EQ(uneven, (std::vector<Names>{{"cuda:1"}, {"cuda:3", "cuda:0"}}));
}

TEST(RunPlanTest, EachMachineHasItsOwn) {
  const auto dealt = Deal("auto", {2, 1, 1}, {"a", "b", "b"});
  EXPECT_EQ(dealt, (std::vector<Names>{{"cuda:0", "cuda:1"}, {"cuda:0"}, {"cuda:1"}}));
}

TEST(RunPlanTest, NothingIsDealtToReplicasOnTheCpu) {
  EXPECT_EQ(Deal("cpu", {1, 1}, {"a", "a"}), (std::vector<Names>{{"cpu"}, {"cpu"}}));
}

TEST(RunPlanTest, ADeviceThatNobodyUsesIsNamed) {
  Options options;
  options.devices = *parallel::ParseDeviceChoice("cuda:0,cuda:1");
  RunPlan plan;
  plan.devices = *parallel::PlaceReplicas(options.devices, 1, 2);
  EXPECT_TRUE(Settle(options, nullptr, &plan));
  EXPECT_EQ(plan.warnings, Names{"--devices: cuda:1 is not used: there are fewer replicas than "
                                 "devices"});
}

}  // namespace
}  // namespace eta
