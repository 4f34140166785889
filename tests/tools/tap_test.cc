#include "tools/tap.h"

#include <gtest/gtest.h>

namespace eta {
namespace {

constexpr std::string_view kOutput =
    "TAP version 13\n"
    "1..3\n"
    "ok 1 - adds\n"
    "noise\n"
    "  indented noise\n"
    "not ok 2 - subtracts\n"
    "  ---\n"
    "  message: expected 1 but got <2>\n"
    "  ...\n"
    "ok without a number";

TEST(TapTest, ParsesResultsWithTheirDetails) {
  const auto cases = ParseTap(kOutput);
  ASSERT_EQ(cases.size(), 3u);
  EXPECT_TRUE(cases[0].ok && cases[2].ok);
  EXPECT_FALSE(cases[1].ok);
  EXPECT_EQ(cases[0].name, "adds");
  EXPECT_TRUE(cases[0].details.empty());
  EXPECT_EQ(cases[1].details.size(), 3u);
  EXPECT_EQ(cases[2].name, "without a number");
}

TEST(TapTest, RendersOneSequence) {
  const std::vector<TestFile> files = {{"a.test.eta", ParseTap(kOutput)},
                                       {"b.test.eta", ParseTap("ok 1 - more\n")}};
  EXPECT_EQ(RenderTap(files),
            "TAP version 13\n"
            "1..4\n"
            "ok 1 - adds\n"
            "not ok 2 - subtracts\n"
            "  ---\n"
            "  message: expected 1 but got <2>\n"
            "  ...\n"
            "ok 3 - without a number\n"
            "ok 4 - more\n");
  EXPECT_EQ(RenderTap({}), "TAP version 13\n1..0\n");
}

TEST(TapTest, RendersJunit) {
  const std::vector<TestFile> files = {
      {"a.test.eta", ParseTap(kOutput)},
      {"b.eta", {{.name = "b.eta (load error)", .failure = "File failed to load/execute"}}}};
  EXPECT_EQ(RenderJunit(files),
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
            "<testsuites tests=\"4\" failures=\"2\">\n"
            "  <testsuite name=\"a.test\" tests=\"3\" failures=\"1\">\n"
            "    <testcase name=\"adds\"/>\n"
            "    <testcase name=\"subtracts\">\n"
            "      <failure message=\"message: expected 1 but got &lt;2&gt;\"/>\n"
            "    </testcase>\n"
            "    <testcase name=\"without a number\"/>\n"
            "  </testsuite>\n"
            "  <testsuite name=\"b\" tests=\"1\" failures=\"1\">\n"
            "    <testcase name=\"b\">\n"
            "      <failure message=\"File failed to load/execute\"/>\n"
            "    </testcase>\n"
            "  </testsuite>\n"
            "</testsuites>\n");
}

TEST(TapTest, NumbersOfTestsAreOptional) {
  const auto cases = ParseTap("ok 12 - a - b\nok - c\nok 4\nok 5th\n");
  ASSERT_EQ(cases.size(), 4u);
  EXPECT_EQ(cases[0].name, "a - b");
  EXPECT_EQ(cases[1].name, "c");
  EXPECT_EQ(cases[2].name, "4");
  EXPECT_EQ(cases[3].name, "5th");
}

TEST(TapTest, JunitHasNoControlCharacters) {
  const std::string junit = RenderJunit({{"a.eta", {{.ok = true, .name = "a\x01\t\"\xC3\xA9"}}}});
  EXPECT_NE(junit.find("<testcase name=\"a&#xFFFD;&#9;&quot;\xC3\xA9\"/>"), std::string::npos)
      << junit;
}

}  // namespace
}  // namespace eta
