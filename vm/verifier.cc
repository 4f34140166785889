#include "vm/verifier.h"

#include <vector>

namespace eta {
namespace {

class Verifier {
 public:
  Verifier(const Code& code, size_t global_count) : code_(code), global_count_(global_count) {}

  std::optional<std::string> Run() {
    if (code_.parameter_count() > code_.frame_size) return "parameters exceed the frame";
    if (!FindStarts()) return Finding("truncated or unknown instruction");
    for (at_ = 0; at_ < code_.words.size(); ++at_) {
      if (starts_[at_] && !CheckInstruction()) return Finding("operand out of range");
    }
    if (code_.words.empty() || !EndsFlow()) return Finding("execution runs off the end");
    return std::nullopt;
  }

 private:
  // Marks the words at which instructions begin: the only valid targets of jumps.
  bool FindStarts() {
    starts_.assign(code_.words.size() + 1, false);
    for (at_ = 0; at_ < code_.words.size();) {
      starts_[at_] = true;
      last_ = at_;
      const Word w = code_.words[at_];
      if ((w & 0xFF) >= static_cast<Word>(kOpCount)) return false;
      at_ += kOps[w & 0xFF].has_offset_word() ? 2 : 1;
      if (at_ > code_.words.size()) return false;
    }
    return true;
  }

  bool CheckInstruction() {
    const Word w = code_.words[at_];
    uint32_t field = 0;
    for (char operand : kOps[w & 0xFF].operands) {
      if (!CheckOperand(w, operand, field)) return false;
      ++field;
    }
    return CheckWindow(w);
  }

  bool CheckOperand(Word w, char operand, uint32_t field) const {
    const uint32_t value = w >> (8 + 8 * field) & 0xFF;
    switch (operand) {
      case 'r':
        return value < code_.frame_size;
      case 'c':
        return value < code_.captures.size();
      case 'k':
        return value < code_.constants.size();
      case 'K':
        return FieldBx(w) < code_.constants.size();
      case 'G':
        return FieldBx(w) < global_count_;
      case 'j':
        return IsTarget(static_cast<int64_t>(at_) + 1 + SignedJump(w));
      case 'w':
        return IsTarget(static_cast<int64_t>(at_) + 2 + static_cast<int32_t>(code_.words[at_ + 1]));
      default:  // counts and immediates: any value
        return true;
    }
  }

  // Instructions that touch more registers, or more of a constant, than their operands name.
  bool CheckWindow(Word w) const {
    const uint32_t a = FieldA(w), b = FieldB(w);
    switch (OpOf(w)) {
      case Op::kCall:
      case Op::kTailCall:
        return a + 2 + b <= code_.frame_size;
      case Op::kApply:
      case Op::kTailApply:
        return b >= 1 && a + 2 + b <= code_.frame_size;
      case Op::kSpreadCall:
      case Op::kTailSpreadCall:
      case Op::kPushEscape:
      case Op::kPushContinuation:
        return a + 3 <= code_.frame_size;
      case Op::kValues:
        return b + FieldC(w) <= code_.frame_size;
      case Op::kMakeClosure:
        return CheckCaptures(code_.constants[FieldBx(w)]);
      case Op::kUnderflow:
        return false;
      default:
        return true;
    }
  }

  bool CheckCaptures(Value constant) const {
    const auto* inner = As<CodeObject>(constant);
    if (inner == nullptr) return false;
    for (const Code::Capture& capture : inner->code->captures) {
      const size_t bound = capture.from_register ? code_.frame_size : code_.captures.size();
      if (capture.index >= bound) return false;
    }
    return true;
  }

  bool IsTarget(int64_t word) const {
    return word >= 0 && word < static_cast<int64_t>(code_.words.size()) && starts_[word];
  }

  bool EndsFlow() const {
    switch (OpOf(code_.words[last_])) {
      case Op::kReturn:
      case Op::kTailCall:
      case Op::kTailApply:
      case Op::kTailSpreadCall:
      case Op::kJump:
      case Op::kLoop:
      case Op::kRaise:
      case Op::kHalt:
        return true;
      default:
        return false;
    }
  }

  std::string Finding(const char* what) const {
    return code_.name + ", word " + std::to_string(at_) + ": " + what;
  }

  const Code& code_;
  const size_t global_count_;
  std::vector<bool> starts_;
  size_t at_ = 0;
  size_t last_ = 0;
};

}  // namespace

std::optional<std::string> Verify(const Code& code, size_t global_count) {
  return Verifier(code, global_count).Run();
}

}  // namespace eta
