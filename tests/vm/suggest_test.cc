#include "vm/suggest.h"

#include <gtest/gtest.h>

namespace eta {
namespace {

constexpr std::string_view kNames[] = {"println",  "print",      "car",     "cdr",
                                       "for-each", "tensor-add", "std.test"};

TEST(SuggestTest, FindsSlips) {
  EXPECT_EQ(NearestName("prnitln", kNames), "println");  // swapped
  EXPECT_EQ(NearestName("printn", kNames), "print");     // inserted: as near as println
  EXPECT_EQ(NearestName("foreach", kNames), "for-each");
  EXPECT_EQ(NearestName("std.tets", kNames), "std.test");
  EXPECT_EQ(NearestName("tensr-add", kNames), "tensor-add");
}

TEST(SuggestTest, KeepsQuietAboutOtherWords) {
  EXPECT_EQ(NearestName("banana", kNames), "");
  EXPECT_EQ(NearestName("x", kNames), "");
  EXPECT_EQ(NearestName("", kNames), "");
}

TEST(SuggestTest, AmongEquallyNearOnesTakesTheFirstInTheAlphabet) {
  constexpr std::string_view kNear[] = {"cat", "bat"};
  EXPECT_EQ(NearestName("rat", kNear), "bat");
}

TEST(SuggestTest, Words) {
  EXPECT_EQ(DidYouMean("pintln", kNames), " (did you mean 'println'?)");
  EXPECT_EQ(DidYouMean("banana", kNames), "");
}

}  // namespace
}  // namespace eta
