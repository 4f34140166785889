#include "tools/formatter.h"

#include <gtest/gtest.h>

#include <string>

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

TEST(FormatterTest, UnreadableTextIsAnError) {
  EXPECT_EQ(Format("(a"), "error: unclosed list");
  EXPECT_EQ(Format(""), "");
}

}  // namespace
}  // namespace eta
