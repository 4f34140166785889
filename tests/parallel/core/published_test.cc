#include "parallel/core/published.h"

#include <gtest/gtest.h>

#include <thread>

namespace eta::parallel {
namespace {

TEST(PublishedTest, ReadersNeverSeeHalfOfAValue) {
  struct Pair {
    uint64_t a[9];
  };
  Published<Pair> published;
  std::atomic<bool> done{false};
  std::thread writer([&] {
    for (uint64_t i = 1; i <= 20000; ++i) {
      Pair pair;
      for (uint64_t& x : pair.a) x = i;
      published.Set(pair);
    }
    done = true;
  });
  uint64_t last = 0;
  while (!done) {
    const Pair pair = published.Get();
    for (uint64_t x : pair.a) ASSERT_EQ(x, pair.a[0]);
    ASSERT_GE(pair.a[0], last);
    last = pair.a[0];
  }
  writer.join();
  EXPECT_EQ(published.Get().a[8], 20000u);
}

TEST(TextTest, KeepsTheEndOfALongText) {
  const std::string place = std::string(200, 'd') + "/train.eta:12:3";
  const std::string kept = Text(place).str();
  EXPECT_EQ(kept.size(), sizeof(Text::chars) - 1);
  EXPECT_EQ(kept, place.substr(place.size() - kept.size()));
  EXPECT_EQ(Text("a.eta:1:1").str(), "a.eta:1:1");
  EXPECT_TRUE(Text("").empty());
}

}  // namespace
}  // namespace eta::parallel
