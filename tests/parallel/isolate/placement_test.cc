#include "parallel/isolate/placement.h"

#include <gtest/gtest.h>

namespace eta::parallel {
namespace {

DeviceChoice Parse(std::string_view text) {
  auto choice = ParseDeviceChoice(text);
  EXPECT_TRUE(choice) << choice.error();
  return choice ? *choice : DeviceChoice{};
}

std::string ErrorOf(std::string_view text) {
  auto choice = ParseDeviceChoice(text);
  return choice ? "no error" : choice.error();
}

// The devices by name, or the error.
std::string Place(std::string_view choice, int replicas, int gpus) {
  auto placed = PlaceReplicas(Parse(choice), replicas, gpus);
  if (!placed) return placed.error();
  std::string names;
  for (Device device : *placed) names += (names.empty() ? "" : " ") + NameOf(device);
  return names;
}

TEST(PlacementTest, ReadsAChoiceOfDevices) {
  EXPECT_EQ(Parse("auto").kind, DeviceChoice::Kind::kAuto);
  EXPECT_EQ(Parse("cpu").kind, DeviceChoice::Kind::kCpu);
  EXPECT_EQ(Parse("cuda:2,cuda:0").gpus, (std::vector<int>{2, 0}));
  for (const std::string bad : {"", "gpu", "cuda", "cuda:", "cuda:x", "cuda:-1", "cuda:1x"}) {
    EXPECT_EQ(ErrorOf(bad), "expected auto, cpu or a list like cuda:0,cuda:2, not '" + bad + "'");
  }
  EXPECT_EQ(ErrorOf("cuda:0,cpu"), "expected auto, cpu or a list like cuda:0,cuda:2, not 'cpu'");
  EXPECT_EQ(ErrorOf("cuda:0,"), "expected auto, cpu or a list like cuda:0,cuda:2, not ''");
  EXPECT_TRUE(ErrorOf("cuda:1,cuda:1").starts_with("cuda:1 is listed twice"));
}

TEST(PlacementTest, AutoTakesTheGpusThereAre) {
  EXPECT_EQ(Place("auto", 0, 0), "cpu");
  EXPECT_EQ(Place("auto", 3, 0), "cpu cpu cpu");
  EXPECT_EQ(Place("auto", 0, 2), "cuda:0 cuda:1");
  EXPECT_EQ(Place("auto", 1, 2), "cuda:0");
  EXPECT_EQ(Place("cpu", 2, 2), "cpu cpu");
  EXPECT_EQ(Place("cpu", 0, 2), "cpu");
  EXPECT_EQ(Place("cuda:2,cuda:0", 0, 3), "cuda:2 cuda:0");
}

TEST(PlacementTest, ReplicasShareGpusEvenly) {
  EXPECT_EQ(Place("auto", 4, 2), "cuda:0 cuda:0 cuda:1 cuda:1");
  EXPECT_EQ(Place("cuda:3,cuda:1", 5, 4), "cuda:3 cuda:3 cuda:3 cuda:1 cuda:1");
  EXPECT_EQ(Place("auto", 5, 3), "cuda:0 cuda:0 cuda:1 cuda:1 cuda:2");
}

TEST(PlacementTest, DevicesThatAreNotThere) {
  EXPECT_EQ(Place("cuda:0", 1, 0),
            "there is no device cuda:0: this machine has no GPU that can be used");
  EXPECT_EQ(Place("cuda:0,cuda:1", 1, 1), "there is no device cuda:1: this machine has one GPU");
  EXPECT_EQ(Place("cuda:4", 1, 2), "there is no device cuda:4: this machine has 2 GPUs");
}

TEST(PlacementTest, WhatIsNotNeededIsKnown) {
  const DeviceChoice choice = Parse("cuda:0,cuda:2");
  const auto unused = UnusedDevices(choice, *PlaceReplicas(choice, 1, 3));
  ASSERT_EQ(unused.size(), 1u);
  EXPECT_EQ(NameOf(unused[0]), "cuda:2");
  EXPECT_TRUE(UnusedDevices(choice, *PlaceReplicas(choice, 2, 3)).empty());
}

TEST(PlacementTest, TheTextNamesDeviceAndThreads) {
  const std::vector<Device> devices = {{}, {Device::Kind::kCuda, 1}};
  const std::vector<std::string> gpus = {"A", "NVIDIA H100"};
  EXPECT_EQ(PlacementText(0, devices, gpus, 8),
            "replica 0  cpu  8 threads\nreplica 1  cuda:1  NVIDIA H100  8 threads\n");
  EXPECT_EQ(PlacementText(0, std::span(devices).first(1), {}, 1), "replica 0  cpu  1 thread\n");
}

}  // namespace
}  // namespace eta::parallel
