#include "vm/diagnostics.h"

#include <gtest/gtest.h>

#include <string>

namespace eta {
namespace {

SourceSpan Span(uint32_t line, uint32_t column, uint32_t end_line, uint32_t end_column) {
  return {1, line, column, end_line, end_column};
}

std::string Render(const std::string& text, SourceSpan span, DiagnosticStyle style = {}) {
  const SourceFile file{"dir/train.eta", text};
  return RenderMessage("error", "oops", span, &file, style);
}

TEST(DiagnosticsTest, ShowsPlaceLineAndCaret) {
  EXPECT_EQ(Render("(a)\n(prnt 1)\n", Span(2, 2, 2, 6)),
            "error [train.eta:2:2]: oops\n"
            "  (prnt 1)\n"
            "   ^^^^\n");
}

TEST(DiagnosticsTest, CaretsStopAtTheEndOfTheLine) {
  EXPECT_EQ(Render("  (f\n x)", Span(1, 3, 2, 4)),
            "error [train.eta:1:3]: oops\n"
            "    (f\n"
            "    ^^\n");
  EXPECT_EQ(Render("ab", Span(1, 3, 1, 3)),
            "error [train.eta:1:3]: oops\n"
            "  ab\n"
            "    ^\n");
}

TEST(DiagnosticsTest, CaretsCountCharactersAndKeepTabs) {
  EXPECT_EQ(Render("\t\"\xCE\xBB\" xy", Span(1, 7, 1, 9)),
            "error [train.eta:1:7]: oops\n"
            "  \t\"\xCE\xBB\" xy\n"
            "  \t    ^^\n");
}

TEST(DiagnosticsTest, LinesThatATerminalMayNotShowAreLeftOut) {
  EXPECT_EQ(Render("a\x1B[2J", Span(1, 1, 1, 2)), "error [train.eta:1:1]: oops\n");
  EXPECT_EQ(Render("a\xFF", Span(1, 1, 1, 2)), "error [train.eta:1:1]: oops\n");
  EXPECT_EQ(Render("a", Span(9, 1, 9, 2)), "error [train.eta:9:1]: oops\n");
}

TEST(DiagnosticsTest, LongLinesAreCutAroundThePlace) {
  const std::string a(60, 'a'), b(57, 'b'), spaces(60, ' ');
  const std::string line = std::string(5000, 'a') + "(x)" + std::string(5000, 'b');
  EXPECT_EQ(Render(line, Span(1, 5001, 1, 5004)),
            "error [train.eta:1:5001]: oops\n"
            "  ... " +
                a + "(x)" + b +
                " ...\n"
                "      " +
                spaces + "^^^\n");
  EXPECT_EQ(Render(line, Span(1, 1, 1, 10'000)),
            "error [train.eta:1:1]: oops\n"
            "  " +
                a + a +
                " ...\n"
                "  " +
                std::string(120, '^') + "\n");
  EXPECT_EQ(Render(line, Span(1, 10'003, 2, 1)),
            "error [train.eta:1:10003]: oops\n"
            "  ... " +
                b +
                "bbbb\n"
                "      " +
                spaces + "^\n");
}

TEST(DiagnosticsTest, LinesAreCutBetweenCharacters) {
  std::string wide;
  for (int i = 0; i < 100; ++i) wide += "\xCE\xBB";
  EXPECT_EQ(Render(wide + "x", Span(1, 202, 1, 202)),
            "error [train.eta:1:202]: oops\n"
            "  ... " +
                wide.substr(0, 60) +
                "x\n"
                "      " +
                std::string(31, ' ') + "^\n");
}

TEST(DiagnosticsTest, NamesTheRank) {
  EXPECT_EQ(Render("a", Span(1, 1, 1, 2), {.rank = 1}),
            "error [rank 1, train.eta:1:1]: oops\n  a\n  ^\n");
  EXPECT_EQ(RenderMessage("warning", "oops", {.rank = 0}), "warning [rank 0]: oops\n");
  EXPECT_EQ(RenderMessage("error", "oops", {}), "error: oops\n");
}

TEST(DiagnosticsTest, TakesAPlaceAsText) {
  EXPECT_EQ(RenderMessage("error", "oops", "train.eta:1:1", {.rank = 1}),
            "error [rank 1, train.eta:1:1]: oops\n");
  EXPECT_EQ(RenderMessage("error", "oops", "", {.rank = 1}), "error [rank 1]: oops\n");
}

TEST(DiagnosticsTest, ColorsTheSeverityOnly) {
  EXPECT_EQ(RenderMessage("error", "oops", {.color = true}), "\x1b[1;31merror\x1b[0m: oops\n");
  EXPECT_EQ(RenderMessage("warning", "oops", {.color = true}), "\x1b[1;33mwarning\x1b[0m: oops\n");
}

}  // namespace
}  // namespace eta
