#include "vm/standard_output.h"

#include <gtest/gtest.h>

#include <cerrno>
#include <cstdio>
#include <string>

#include "vm/lost_output.h"

namespace eta {
namespace {

// 0: there was none.
int OutputError() { return Losses().empty() ? 0 : Losses().front().error; }

TEST(StandardOutputTest, TheFirstErrorIsRemembered) {
  FILE* memory = std::tmpfile();
  WriteOutput(memory, "kept");
  FlushOutput(memory);
  EXPECT_EQ(OutputError(), 0);
  FILE* full = std::fopen("/dev/full", "w");
  WriteOutput(full, "in the buffer");
  EXPECT_EQ(OutputError(), 0);
  FlushOutput(full);
  EXPECT_EQ(OutputError(), ENOSPC);
  FILE* unwritable = std::fopen("/dev/null", "r");
  WriteOutput(unwritable, "lost");
  FlushOutput(memory);
  EXPECT_EQ(OutputError(), ENOSPC);
  EXPECT_EQ(Losses().size(), 1u);
  for (FILE* file : {memory, full, unwritable}) std::fclose(file);
}

}  // namespace
}  // namespace eta
