#include "parallel/core/backends.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace eta::parallel {
namespace {

const std::vector<Device> kOneCpu(1), kTwoCpus(2);
const std::vector<Device> kTwoGpus = {{Device::Kind::kCuda, 0}, {Device::Kind::kCuda, 1}};

std::string Chosen(const char* name, const std::vector<Device>& devices) {
  const auto backend = ChooseBackend(name, {devices});
  return backend ? (*backend)->name : backend.error().message;
}

TEST(BackendsTest, AutoTakesTheFirstThatCanServe) {
  EXPECT_EQ(Chosen("auto", kOneCpu), "solo");
  EXPECT_EQ(Chosen("auto", kTwoCpus), "local");
}

TEST(BackendsTest, NamedOnesAreTakenOrRefused) {
  EXPECT_EQ(Chosen("local", kOneCpu), "local");
  EXPECT_EQ(Chosen("solo", kTwoCpus),
            "backend 'solo' cannot serve 2 ranks on these devices: it is for one rank");
  EXPECT_EQ(
      Chosen("local", kTwoGpus),
      "backend 'local' cannot serve 2 ranks on these devices: its ranks share the CPU's memory");
  EXPECT_EQ(
      Chosen("mpi", kTwoCpus),
      "backend 'mpi' cannot serve 2 ranks on these devices: there is one process only; mpirun "
      "starts several");
  EXPECT_EQ(Chosen("gloo", kTwoCpus),
            "there is no backend 'gloo'; there are auto, solo, local, mpi, nccl, gpu-groups");
}

}  // namespace
}  // namespace eta::parallel
