#include "tools/formatter.h"

#include <gtest/gtest.h>

#include <initializer_list>
#include <iterator>
#include <random>
#include <string>
#include <string_view>

namespace eta {
namespace {

std::string Format(const std::string& text) {
  const auto formatted = FormatSource(text);
  return formatted ? *formatted : "error: " + formatted.error().message;
}

TEST(FormatterTest, SpacesAndIndentation) {
  EXPECT_EQ(Format("(define   (f x)(+ x\t1 ) )"), "(define (f x) (+ x 1))\n");
  EXPECT_EQ(Format("(define (f x)\n(g x\nx))"), "(define (f x)\n  (g x\n     x))\n");
  EXPECT_EQ(Format("(if a\nb\n   c)"), "(if a\n    b\n    c)\n");
  EXPECT_EQ(Format("(let loop ((i 0)\n(j 1))\n(loop i j))"),
            "(let loop ((i 0)\n           (j 1))\n  (loop i j))\n");
  EXPECT_EQ(Format("'(1\n2 [3\n4])"), "'(1\n  2 [3\n     4])\n");
  EXPECT_EQ(Format("(f\na\n)"), "(f\n  a)\n");
  EXPECT_EQ(Format("'(when\na\n b)"), "'(when\n  a\n  b)\n");
}

TEST(FormatterTest, CommentsAndBlankLines) {
  EXPECT_EQ(Format("\n\n; one  \n\n\n\n(a) ; two\n#| three\n   four |#\n(b)"),
            "; one\n\n(a) ; two\n#| three\n   four |#\n(b)\n");
  EXPECT_EQ(Format("(define (f)\n\n  ; why\n\n\n  (g)\n  ; end\n  )"),
            "(define (f)\n\n  ; why\n\n  (g)\n  ; end\n )\n");
  EXPECT_EQ(Format("(f a ; first\nb)"), "(f a ; first\n   b)\n");
  EXPECT_EQ(Format("(f #;(g  h) x)"), "(f #;(g h) x)\n");
  EXPECT_EQ(Format("' ; c\n  x"), "'; c\n x\n");
}

TEST(FormatterTest, AlignedCommentsStayAligned) {
  const std::string text = "(f 1)     ; => 1\n(g 100)   ; => 100\n";
  EXPECT_EQ(Format(text), text);
}

TEST(FormatterTest, AtomsStayAsTheyAreWritten) {
  const std::string text =
      "#!/usr/bin/env etai\n(f #\\( #\\; #\\\" |a ;b| \"x ; \\\" (\" #xFF #t #u8(1 2) #(1) 'a `(b "
      ",c ,@d))\n";
  EXPECT_EQ(Format(text), text);
}

TEST(FormatterTest, AnUnquotedNameThatBeginsWithAnAtSignIsNotSpliced) {
  EXPECT_EQ(Format("`(a ,b,  @c)"), "`(a ,b , @c)\n");
  EXPECT_EQ(Format("`(,@c ,#| |#@d)"), "`(,@c ,#| |# @d)\n");
}

TEST(FormatterTest, AByteOrderMarkGoes) {
  EXPECT_EQ(Format("\xEF\xBB\xBF(f  1)\n"), "(f 1)\n");
  EXPECT_EQ(Format("\xEF\xBB\xBF#!/usr/bin/etai (\n(f  1)\n"), "#!/usr/bin/etai (\n(f 1)\n");
}

TEST(FormatterTest, ADirectiveDoesNotBecomeTheFirstLine) {
  EXPECT_EQ(Format(" #!(f  1)"), "\n#! (f 1)\n");
  EXPECT_EQ(Format("\n#! (f 1)\n"), "\n#! (f 1)\n");
}

TEST(FormatterTest, BreaksWhatIsTooLong) {
  const std::string word(30, 'w');
  const std::string call = "(" + word + " " + word + " " + word + " " + word + ")";
  EXPECT_EQ(Format(call),
            "(" + word + " " + word + " " + word + "\n" + std::string(32, ' ') + word + ")\n");
  EXPECT_EQ(Format("(define x " + call + ")"), "(define x\n  (" + word + " " + word + " " + word +
                                                   "\n" + std::string(34, ' ') + word + "))\n");
}

TEST(FormatterTest, ColumnsAreCharacters) {
  const std::string twice = "(f \"\u00E9\u00E9\" (g a\n           b))\n";
  EXPECT_EQ(Format(twice), twice);
  const std::string inside = "(f \"\u00E9\" (g a\n         b))\n";
  EXPECT_EQ(Format(inside), inside);
  const std::string comment = "#| \u65E5\u672C |# (f\n          a)\n";
  EXPECT_EQ(Format(comment), comment);
}

// Data, comments and breaks of any kind, nested in any way.
class RandomText {
 public:
  explicit RandomText(unsigned seed) : random_(seed) {}

  std::string Next() {
    std::string text = OneOf({"", "\n", " ", "\xEF\xBB\xBF", "#!x\n", "\n#!x ", "\t"});
    for (size_t i = random_() % 4; i > 0; --i) text += Datum(5) + Break();
    return text;
  }

 private:
  std::string OneOf(std::initializer_list<std::string_view> choices) {
    return std::string(std::data(choices)[random_() % choices.size()]);
  }

  std::string Break() {
    std::string text = OneOf({" ", " ", "\n", "\n   ", "  ", "\t", "\r\n", "\n\n\n ", " \f\n\v"});
    if (random_() % 6 == 0) {
      text += OneOf({"; \u00E9 c\n", ";\n\n", "#| b |#", "#| \u65E5\n  c |# ", "#!w ", "#;d ",
                     "#;(e\n f) ", "  ; \r\n"});
    }
    return text;
  }

  std::string Datum(int depth) {
    if (depth == 0 || random_() % 3 == 0) return Atom();
    if (random_() % 5 == 0) {
      return OneOf({"'", "`", ",", ",@", "#;x ", "' ", ", ", "'#| \u00E9\n|#", "#;#;a "}) +
             Datum(depth - 1);
    }
    const std::string open = OneOf({"(", "(", "(", "[", "#("});
    std::string text = open + OneOf({"", "", " ", "\n"});
    for (size_t i = random_() % 6; i > 0; --i) text += Datum(depth - 1) + Break();
    return text + (open == "[" ? "]" : ")");
  }

  std::string Atom() {
    if (random_() % 8 == 0) return "\"" + std::string(random_() % 110, 'w') + "\"";
    return OneOf({"a", "define", "lambda", "let", "let", "if", "cond", "\"\u00E9\"", "#\\\u65E5",
                  "#\\(", "|p\n q|", "|\u00E9 ;|", "@x", "12", "\"a;b\"", "#t", "#\\x3BB;", "when",
                  "do"});
  }

  std::mt19937 random_;
};

TEST(FormatterTest, TwiceIsOnce) {
  RandomText texts(1);
  int readable = 0;
  for (int i = 0; i < 20000; ++i) {
    const std::string text = texts.Next();
    const auto once = FormatSource(text);
    if (!once) continue;
    ++readable;
    ASSERT_EQ(Format(*once), *once) << "from:\n" << text;
  }
  EXPECT_GT(readable, 10000);
}

TEST(FormatterTest, UnreadableTextIsAnError) {
  EXPECT_EQ(Format("(a"), "error: unclosed list");
  EXPECT_EQ(Format(""), "");
}

TEST(FormatterTest, NestingHasALimit) {
  for (const std::string open : {"(", "'", "#("}) {
    std::string deep = "x\n", deeper = deep;
    for (int i = 0; i < 1'000'000; ++i) deeper += open;
    for (int i = 0; i < 2000; ++i) deep += open;
    const bool is_list = open != "'";
    deep += "x" + std::string(is_list ? 2000 : 0, ')');
    deeper += "x" + std::string(is_list ? 1'000'000 : 0, ')');
    EXPECT_EQ(Format(deep).substr(0, 2), "x\n");
    const auto formatted = FormatSource(deeper);
    ASSERT_FALSE(formatted);
    EXPECT_EQ(formatted.error().message, "nested more than 5000 levels deep");
    EXPECT_EQ(formatted.error().span.line, 2u);
    EXPECT_EQ(formatted.error().span.column, 5000 * open.size() + 1);
  }
}

}  // namespace
}  // namespace eta
