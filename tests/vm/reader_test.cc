#include "vm/reader.h"

#include <gtest/gtest.h>

#include <cmath>
#include <string>

namespace eta {
namespace {

class ReaderTest : public testing::Test {
 protected:
  // The data of `text` separated by spaces, or the error with its place.
  std::string ReadText(std::string_view text) {
    auto data = Read(text, 1, names_, arena_);
    if (!data) {
      const Diagnostic& d = data.error();
      return "error " + std::to_string(d.span.line) + ":" + std::to_string(d.span.column) + ": " +
             d.message;
    }
    std::string out;
    for (const Datum* datum : *data) out += (out.empty() ? "" : " ") + ToText(datum);
    return out;
  }
  const Datum* ReadOne(std::string_view text) {
    auto data = Read(text, 1, names_, arena_);
    return data && data->size() == 1 ? (*data)[0] : nullptr;
  }

  SymbolTable names_;
  DatumArena arena_;
};

TEST_F(ReaderTest, ReadsListsOfBothBrackets) {
  EXPECT_EQ(ReadText("(a [b c] . d) ()"), "(a (b c) . d) ()");
  EXPECT_EQ(ReadText("(a . (b . (c)))"), "(a b c)");
  EXPECT_EQ(ReadText("(a]"),
            "error 1:3: unexpected closing delimiter: expected ) for the one "
            "opened in line 1");
}

TEST_F(ReaderTest, SkipsCommentsAndShebang) {
  EXPECT_EQ(ReadText("#!/usr/bin/env etai\n1 ; two\n#| a #| b |# c |# 3 #;(4 5) #;'6 7"), "1 3 7");
  EXPECT_EQ(ReadText("(1 #; #; 2 3 4)"), "(1 4)");
  EXPECT_EQ(ReadText("1 #!fold-case 2"), "1 2");
  EXPECT_EQ(ReadText("\n #| never"), "error 2:2: unterminated block comment");
}

TEST_F(ReaderTest, ReadsIdentifiers) {
  EXPECT_EQ(ReadText("a->b ! $x <=? ... + - -> :key |a b| |x\\x41;| a.b"),
            "a->b ! $x <=? ... + - -> :key |a b| xA a.b");
  EXPECT_EQ(ReadText("Nil nil"), "() nil");
  EXPECT_EQ(ReadText("a#b"), "error 1:1: an identifier must be followed by a delimiter: a#b");
  EXPECT_EQ(ReadText("  {"), "error 1:3: illegal character in identifier: {");
  EXPECT_EQ(ReadText("\xCE\xBB"), "error 1:1: illegal character in identifier: \xCE\xBB");
  EXPECT_EQ(ReadText("|a"), "error 1:1: unterminated |symbol|");
}

TEST_F(ReaderTest, ReadsBooleans) {
  EXPECT_EQ(ReadText("#t #F #true #False"), "#t #f #t #f");
  EXPECT_EQ(ReadText("#tr"), "error 1:1: unknown # syntax: #tr");
}

TEST_F(ReaderTest, ReadsIntegers) {
  EXPECT_EQ(ReadText("42 -7 +5 #x-1A #b101 #o17 #d9 #e#x10 #x#e10 #XfF"),
            "42 -7 5 -26 5 15 9 16 16 255");
  EXPECT_EQ(ReadText("9223372036854775807 -9223372036854775808"),
            "9223372036854775807 -9223372036854775808");
  EXPECT_EQ(ReadText("9223372036854775808"), "9223372036854775808.0");
  EXPECT_EQ(ReadText("#x8000000000000000"),
            "error 1:1: integer literal out of range: #x8000000000000000");
  for (const char* bad : {"1+", "1/2", "12a", "#xG", "#x", "#x+-1", "#x1.5", "#b2", "#x#x1"}) {
    EXPECT_EQ(ReadText(bad), "error 1:1: invalid number: " + std::string(bad));
  }
}

TEST_F(ReaderTest, ReadsFloats) {
  EXPECT_EQ(ReadText("1. .5 -.5 1e3 1E-3 6.02e23 +1.5 #e1.5 #i2"),
            "1.0 0.5 -0.5 1000.0 0.001 6.02e+23 1.5 1.5 2");
  EXPECT_EQ(ReadText("+inf.0 -INF.0 +nan.0 -nan.0 -0.0"), "+inf.0 -inf.0 +nan.0 +nan.0 -0.0");
  EXPECT_EQ(ReadText("1e-400"), "0.0");
  EXPECT_EQ(ReadText("1e400"), "error 1:1: float literal out of range: 1e400");
  EXPECT_EQ(ReadText("1e"), "error 1:1: invalid number: 1e");
  EXPECT_EQ(ReadText("1.2.3"), "error 1:1: invalid number: 1.2.3");
}

TEST_F(ReaderTest, ReadsCharacters) {
  EXPECT_EQ(ReadText("#\\a #\\( #\\space #\\NEWLINE #\\x #\\x41 #\\x42; #\\\xCE\xBB #\\; #\\x3BB;"),
            "#\\a #\\( #\\x20 #\\xa #\\x #\\A #\\B #\\\xCE\xBB #\\; #\\\xCE\xBB");
  EXPECT_EQ(ReadText("(#\\a)"), "(#\\a)");
  EXPECT_EQ(ReadText("#\\u03BB"), "error 1:1: unknown character: #\\u03BB");
  EXPECT_EQ(ReadText("#\\xD800"), "error 1:1: unknown character: #\\xD800");
  EXPECT_EQ(ReadText("#\\(a"), "error 1:1: unknown character: #\\(a");
}

TEST_F(ReaderTest, ReadsStrings) {
  EXPECT_EQ(ReadOne(R"("a\tb\n\"q\"\\\x41;\x3bb;")")->text, "a\tb\n\"q\"\\A\xCE\xBB");
  EXPECT_EQ(ReadText(R"("a\tb")"), R"("a\tb")");
  EXPECT_EQ(ReadText("\"abc"), "error 1:1: unterminated string");
  EXPECT_EQ(ReadText("\"a\nb\""),
            "error 1:1: unterminated string: it must end on the line it starts on");
  EXPECT_EQ(ReadText(R"("\0")"), R"(error 1:3: unknown escape in string: \0)");
  EXPECT_EQ(ReadText(R"("\u03BB")"), R"(error 1:3: unknown escape in string: \u)");
}

TEST_F(ReaderTest, ReadsVectorsAndBytevectors) {
  EXPECT_EQ(ReadText("#(1 (2) \"x\") #[a] #() #u8(0 #xFF)"), "#(1 (2) \"x\") #(a) #() #u8(0 255)");
  EXPECT_EQ(ReadText("#u8(1 a)"), "error 1:7: non-integer in bytevector");
  EXPECT_EQ(ReadText("#u8(256)"), "error 1:5: invalid byte literal: 256");
  EXPECT_EQ(ReadText("#(1 . 2)"), "error 1:5: dot in vector literal");
  EXPECT_EQ(ReadText("#(1"), "error 1:1: unclosed vector");
}

TEST_F(ReaderTest, ReadsQuoteMarks) {
  EXPECT_EQ(ReadText("'a `(b ,c ,@d) ''e"),
            "(quote a) (quasiquote (b (unquote c) (unquote-splicing d))) (quote (quote e))");
  EXPECT_EQ(ReadText("(a ')"), "error 1:4: nothing follows this mark");
  EXPECT_EQ(ReadText("'"), "error 1:1: nothing follows this mark");
}

TEST_F(ReaderTest, RejectsMisplacedDots) {
  EXPECT_EQ(ReadText("(. a)"), "error 1:2: dot at start of list");
  EXPECT_EQ(ReadText("(a . b . c)"), "error 1:8: multiple dots in dotted list");
  EXPECT_EQ(ReadText("(a .)"), "error 1:5: misplaced dot in list");
  EXPECT_EQ(ReadText("(a . b c)"),
            "error 1:8: misplaced dot in list: more than one datum follows it");
  EXPECT_EQ(ReadText("."), "error 1:1: misplaced dot: it is not in a list");
}

TEST_F(ReaderTest, ReportsWhatIsNotClosed) {
  EXPECT_EQ(ReadText("(a\n  (b c)\n"), "error 1:1: unclosed list");
  EXPECT_EQ(ReadText("a)"), "error 1:2: unexpected closing delimiter");
}

TEST_F(ReaderTest, RejectsBinaryText) {
  EXPECT_EQ(ReadText("ok\n a\xFF"), "error 2:3: not a program: this byte is not UTF-8 text");
  EXPECT_EQ(ReadText(std::string_view("\x7F"
                                      "ELF\0",
                                      5)),
            "error 1:5: not a program: this byte is not UTF-8 text");
}

TEST_F(ReaderTest, SpansCoverTheDatum) {
  const Datum* list = ReadOne("\n  (ab\n \"c\")");
  ASSERT_TRUE(list);
  EXPECT_EQ(list->span.line, 2u);
  EXPECT_EQ(list->span.column, 3u);
  EXPECT_EQ(list->span.end_line, 3u);
  EXPECT_EQ(list->span.end_column, 6u);
  EXPECT_EQ(list->Car()->span.column, 4u);
  EXPECT_EQ(list->Car()->span.end_column, 6u);
  EXPECT_EQ(list->span.file, 1u);
}

TEST_F(ReaderTest, DepthIsLimitedByMemoryOnly) {
  const size_t depth = 1'000'000;
  const std::string text = std::string(depth, '(') + std::string(depth, ')');
  EXPECT_EQ(ReadText(text).size(), text.size());
  EXPECT_EQ(ReadText(std::string(depth, '(')), "error 1:1000000: unclosed list");
  EXPECT_EQ(ReadText(std::string(depth, '\'')), "error 1:1000000: nothing follows this mark");
}

TEST_F(ReaderTest, KnowsIncompleteText) {
  for (const char* text : {"(a", "\"a", "#| a", "'", "(a #;", "|a", "#(1"}) {
    EXPECT_TRUE(IsIncomplete(text)) << text;
  }
  for (const char* text : {"", "a", "(a)", ")", "(a]", "\"\\q", "; (", "\"(\""}) {
    EXPECT_FALSE(IsIncomplete(text)) << text;
  }
}

TEST_F(ReaderTest, TextReadsBackToTheSameData) {
  const std::string text =
      "(a |b c| \"\\a\\\\\" #\\x0 1.5 -2 #t (x . y) #(1 #(2)) #u8(7) |1+| |a\\|b|)";
  const std::string once = ReadText(text);
  EXPECT_EQ(ReadText(once), once);
}

}  // namespace
}  // namespace eta
