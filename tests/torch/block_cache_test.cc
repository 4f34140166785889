#include "torch/block_cache.h"

#include <gtest/gtest.h>

#include <cstring>
#include <thread>

namespace eta::tensor {
namespace {

TEST(BlockCacheTest, GivesBackTheLastBlockOfThatSize) {
  BlockCache cache(1000);
  void* const first = cache.Take(100);
  void* const second = cache.Take(100);
  ASSERT_NE(first, second);
  cache.Put(first, 100);
  cache.Put(second, 100);
  EXPECT_EQ(cache.kept_bytes(), 200u);
  void* const other = cache.Take(101);
  EXPECT_NE(other, first);
  EXPECT_NE(other, second);
  EXPECT_EQ(cache.Take(100), second);
  EXPECT_EQ(cache.Take(100), first);
  EXPECT_EQ(cache.kept_bytes(), 0u);
  cache.Put(other, 101);
  cache.Put(first, 100);
  cache.Put(second, 100);
}

TEST(BlockCacheTest, TheOldestMakeRoom) {
  BlockCache cache(250);
  void* const a = cache.Take(100);
  void* const b = cache.Take(110);
  void* const c = cache.Take(120);
  cache.Put(a, 100);
  cache.Put(b, 110);
  cache.Put(c, 120);
  EXPECT_EQ(cache.kept_bytes(), 230u);
  EXPECT_EQ(cache.Take(110), b);
  EXPECT_EQ(cache.Take(120), c);
  cache.Put(b, 110);
  cache.Put(c, 120);
  cache.Put(cache.Take(1000), 1000);
  EXPECT_EQ(cache.kept_bytes(), 0u) << "what is larger than all it may keep is not kept";
}

TEST(BlockCacheTest, MemoryThatIsNotThereIsNull) {
  BlockCache cache(100);
  cache.Put(cache.Take(50), 50);
  EXPECT_EQ(cache.Take(size_t{1} << 62), nullptr);
  EXPECT_EQ(cache.kept_bytes(), 0u) << "all was given back to make room";
}

TEST(BlockCacheTest, ThreadsShareIt) {
  BlockCache cache(4096);
  const auto work = [&](int value) {
    for (int i = 0; i < 2000; ++i) {
      auto* const block = static_cast<char*>(cache.Take(512));
      std::memset(block, value, 512);
      EXPECT_EQ(block[511], static_cast<char>(value));
      cache.Put(block, 512);
    }
  };
  std::thread one(work, 1), two(work, 2);
  one.join();
  two.join();
  EXPECT_LE(cache.kept_bytes(), 1024u);
}

}  // namespace
}  // namespace eta::tensor
