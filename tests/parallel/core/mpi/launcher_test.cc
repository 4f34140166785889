#include "parallel/core/mpi/launcher.h"

#include <gtest/gtest.h>

#include <map>
#include <string>

namespace eta::parallel {
namespace {

using Variables = std::map<std::string, std::string>;

Result<std::optional<MpiKind>> In(const Variables& variables) {
  return LauncherOf([&](const char* name) {
    const auto found = variables.find(name);
    return found == variables.end() ? nullptr : found->second.c_str();
  });
}

TEST(LauncherTest, NoneMeansOnItsOwn) { EXPECT_EQ(*In({}), std::nullopt); }

TEST(LauncherTest, IsKnownByItsVariables) {
  EXPECT_EQ(*In({{"OMPI_COMM_WORLD_SIZE", "2"}, {"PMIX_RANK", "0"}}), MpiKind::kOpenMpi);
  EXPECT_EQ(*In({{"PMI_RANK", "0"}, {"PMI_SIZE", "2"}}), MpiKind::kMpich);
  EXPECT_EQ(*In({{"PMIX_RANK", "0"}}), MpiKind::kOpenMpi);
}

TEST(LauncherTest, TheUserHasTheLastWord) {
  EXPECT_EQ(*In({{"ETA_MPI", "off"}, {"OMPI_COMM_WORLD_SIZE", "2"}}), std::nullopt);
  EXPECT_EQ(*In({{"ETA_MPI", "mpich"}, {"PMIX_RANK", "0"}}), MpiKind::kMpich);
  EXPECT_EQ(*In({{"ETA_MPI", ""}, {"PMI_RANK", "0"}}), MpiKind::kMpich);
  EXPECT_EQ(*In({{"ETA_MPI", "openmpi"}}), MpiKind::kOpenMpi);
  EXPECT_EQ(In({{"ETA_MPI", "none"}}).error().message,
            "ETA_MPI is 'none'; it may be openmpi, mpich or off");
}

}  // namespace
}  // namespace eta::parallel
