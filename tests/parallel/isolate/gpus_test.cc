#include "parallel/isolate/gpus.h"

#include <gtest/gtest.h>

namespace eta::parallel {
namespace {

TEST(GpusTest, AsksTheDriver) {
  EXPECT_EQ(FindGpus("tests/parallel/isolate/driver/libdriver.so"),
            (std::vector<std::string>{"Test GPU 40", "Test GPU 41"}));
}

TEST(GpusTest, WithoutADriverThereAreNone) {
  EXPECT_TRUE(FindGpus("libno-such-driver.so").empty());
  EXPECT_TRUE(FindGpus("libc.so.6").empty());
}

}  // namespace
}  // namespace eta::parallel
