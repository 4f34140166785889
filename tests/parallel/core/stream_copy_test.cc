#include "parallel/core/stream_copy.h"

#include <gtest/gtest.h>

#include <cstring>
#include <vector>

namespace eta::parallel {
namespace {

TEST(StreamCopyTest, CopiesJustTheBytesAtAnyAlignment) {
  constexpr std::byte kUntouched{0xEE};
  std::vector<std::byte> from(1024);
  for (size_t i = 0; i < from.size(); ++i) from[i] = static_cast<std::byte>(i * 7);
  for (size_t bytes : {0, 1, 15, 16, 17, 64, 1000}) {
    for (size_t offset : {0, 1, 8}) {
      alignas(64) std::byte to[1024];
      std::memset(to, static_cast<int>(kUntouched), sizeof(to));
      StreamCopy(to + offset, from.data() + 3, bytes);
      EXPECT_EQ(std::memcmp(to + offset, from.data() + 3, bytes), 0) << bytes << " at " << offset;
      if (offset > 0) {
        EXPECT_EQ(to[offset - 1], kUntouched) << bytes << " at " << offset;
      }
      EXPECT_EQ(to[offset + bytes], kUntouched) << bytes << " at " << offset;
    }
  }
}

}  // namespace
}  // namespace eta::parallel
