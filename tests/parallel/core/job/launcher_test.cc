#include "parallel/core/job/launcher.h"

#include <gtest/gtest.h>

#include "tests/parallel/core/job/variables.h"

namespace eta::parallel {
namespace {

Result<Launcher> In(const Variables& variables) { return LauncherOf(EnvironmentOf(variables)); }

TEST(LauncherTest, NoneMeansOnItsOwn) {
  EXPECT_EQ(*In({}), Launcher::kNone);
  EXPECT_EQ(*In({{"RANK", "0"}}), Launcher::kNone);
  EXPECT_EQ(*In({{"WORLD_SIZE", "2"}}), Launcher::kNone);
}

TEST(LauncherTest, IsKnownByItsVariables) {
  EXPECT_EQ(*In({{"OMPI_COMM_WORLD_SIZE", "2"}, {"PMIX_RANK", "0"}}), Launcher::kOpenMpi);
  EXPECT_EQ(*In({{"PMI_RANK", "0"}, {"PMI_SIZE", "2"}}), Launcher::kMpich);
  EXPECT_EQ(*In({{"PMIX_RANK", "0"}}), Launcher::kOpenMpi);
  EXPECT_EQ(*In({{"RANK", "0"}, {"WORLD_SIZE", "2"}}), Launcher::kTorchrun);
}

TEST(LauncherTest, TorchrunWinsWhereItRunsUnderAnotherOne) {
  EXPECT_EQ(*In({{"TORCHELASTIC_RUN_ID", "none"}, {"PMI_RANK", "0"}, {"RANK", "0"}}),
            Launcher::kTorchrun);
}

TEST(LauncherTest, MpiWinsOverVariablesThatAnyoneMayHaveSet) {
  EXPECT_EQ(*In({{"OMPI_COMM_WORLD_SIZE", "2"}, {"RANK", "0"}, {"WORLD_SIZE", "2"}}),
            Launcher::kOpenMpi);
  EXPECT_EQ(*In({{"PMIX_RANK", "0"}, {"RANK", "0"}, {"WORLD_SIZE", "2"}}), Launcher::kOpenMpi);
}

TEST(LauncherTest, TheUserHasTheLastWord) {
  EXPECT_EQ(*In({{"ETA_LAUNCHER", "off"}, {"OMPI_COMM_WORLD_SIZE", "2"}}), Launcher::kNone);
  EXPECT_EQ(*In({{"ETA_LAUNCHER", "mpich"}, {"PMIX_RANK", "0"}}), Launcher::kMpich);
  EXPECT_EQ(*In({{"ETA_LAUNCHER", ""}, {"PMI_RANK", "0"}}), Launcher::kMpich);
  EXPECT_EQ(*In({{"ETA_LAUNCHER", "openmpi"}}), Launcher::kOpenMpi);
  EXPECT_EQ(*In({{"ETA_LAUNCHER", "torchrun"}, {"PMI_RANK", "0"}}), Launcher::kTorchrun);
  EXPECT_EQ(In({{"ETA_LAUNCHER", "none"}}).error().message,
            "ETA_LAUNCHER is 'none'; it may be openmpi, mpich, torchrun or off");
}

}  // namespace
}  // namespace eta::parallel
