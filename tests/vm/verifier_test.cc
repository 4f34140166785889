#include "vm/verifier.h"

#include <gtest/gtest.h>

namespace eta {
namespace {

Code Procedure(std::vector<Word> words) {
  Code code;
  code.name = "test";
  code.frame_size = 4;
  code.constants = {Value::Int(1)};
  code.words = std::move(words);
  return code;
}

std::string Finding(const Code& code) { return Verify(code, 10).value_or("fit"); }

TEST(VerifierTest, AcceptsStraightCode) {
  EXPECT_EQ(Finding(Procedure({InstructionX(Op::kLoadConst, 3, 0), Instruction(Op::kReturn, 3)})),
            "fit");
}

TEST(VerifierTest, RefusesOperandsOutOfRange) {
  const Word ret = Instruction(Op::kReturn, 0);
  const std::vector<Word> bad = {
      Instruction(Op::kMove, 4, 0),         Instruction(Op::kMove, 0, 4),
      InstructionX(Op::kLoadConst, 0, 1),   InstructionX(Op::kGetGlobal, 0, 10),
      Instruction(Op::kGetCapture, 0, 0),   Instruction(Op::kAddK, 0, 0, 1),
      Instruction(Op::kCall, 0, 3),         Instruction(Op::kCall, 3, 0),
      Instruction(Op::kValues, 0, 2, 3),    Instruction(Op::kApply, 0, 0),
      InstructionX(Op::kMakeClosure, 0, 0),
  };
  for (Word word : bad) {
    EXPECT_EQ(Finding(Procedure({word, ret})), "test, word 0: operand out of range")
        << kOps[word & 0xFF].name;
  }
}

TEST(VerifierTest, RefusesJumpsBetweenInstructions) {
  const Word ret = Instruction(Op::kReturn, 0);
  const Word branch = Instruction(Op::kJumpIfTrue, 0);
  EXPECT_EQ(Finding(Procedure({branch, 0, ret})), "fit");
  EXPECT_NE(Finding(Procedure({branch, static_cast<Word>(-1), ret})), "fit");  // its own offset
  EXPECT_NE(Finding(Procedure({branch, 5, ret})), "fit");
  EXPECT_NE(Finding(Procedure({branch, static_cast<Word>(-9), ret})), "fit");
}

TEST(VerifierTest, RefusesRunningOffTheEnd) {
  EXPECT_NE(Finding(Procedure({})), "fit");
  EXPECT_NE(Finding(Procedure({Instruction(Op::kLoadNil, 0)})), "fit");
  EXPECT_NE(Finding(Procedure({Instruction(Op::kJumpIfTrue, 0)})), "fit");  // no offset word
}

TEST(VerifierTest, RefusesUnknownOpcodesAndSmallFrames) {
  EXPECT_NE(Finding(Procedure({0xFF})), "fit");
  Code code = Procedure({Instruction(Op::kReturn, 0)});
  code.required_args = 5;
  EXPECT_NE(Finding(code), "fit");
}

// Whatever the words, the verifier answers; what it accepts has all operands in range.
TEST(VerifierTest, SurvivesRandomWords) {
  uint32_t random = 1;
  for (int round = 0; round < 20'000; ++round) {
    std::vector<Word> words(1 + round % 7);
    for (Word& word : words) word = random = random * 1664525 + 1013904223;
    (void)Verify(Procedure(words), 10);
  }
}

}  // namespace
}  // namespace eta
