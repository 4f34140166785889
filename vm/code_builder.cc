#include "vm/code_builder.h"

namespace eta {
namespace {

// Limits of the operand fields.
constexpr int kMaxRegisters = 250;
constexpr size_t kMaxConstants = 65536;
constexpr size_t kMaxWords = size_t{1} << 23;

}  // namespace

void CodeBuilder::Append(Word word) {
  auto& places = code_->places;
  const auto at = static_cast<uint32_t>(code_->words.size());
  const bool same = !places.empty() && places.back().span.file == span_.file &&
                    places.back().span.line == span_.line &&
                    places.back().span.column == span_.column &&
                    places.back().span.end_column == span_.end_column;
  if (!same) places.push_back({at, span_});
  code_->words.push_back(word);
  if (code_->words.size() == kMaxWords) Exceeded("instructions");
}

void CodeBuilder::EmitBranch(Op op, Label& target, uint32_t a, uint32_t b) {
  Emit(op, a, b);
  code_->words.push_back(0);
  Refer(target);
}

void CodeBuilder::EmitBranchX(Op op, Label& target, uint32_t a, uint32_t bx) {
  EmitX(op, a, bx);
  code_->words.push_back(0);
  Refer(target);
}

void CodeBuilder::EmitJump(Label& target) {
  Emit(target.word < 0 ? Op::kJump : Op::kLoop);
  Refer(target);
}

void CodeBuilder::Refer(Label& target) {
  target.references.push_back(code_->words.size() - 1);
  if (target.word >= 0) Bind(target);
}

void CodeBuilder::Bind(Label& label) {
  auto& words = code_->words;
  if (label.word < 0) label.word = static_cast<int64_t>(words.size());
  for (size_t at : label.references) {
    const auto offset = static_cast<int32_t>(label.word - static_cast<int64_t>(at) - 1);
    const bool is_jump = words[at] != 0;  // an offset word is still zero
    words[at] =
        is_jump ? (words[at] & 0xFF) | static_cast<Word>(offset) << 8 : static_cast<Word>(offset);
  }
  label.references.clear();
}

uint32_t CodeBuilder::Constant(Value value) {
  auto& values = constants_.values();
  for (size_t i = 0; i < values.size(); ++i) {
    if (values[i] == value) return static_cast<uint32_t>(i);
  }
  if (values.size() == kMaxConstants) {
    Exceeded("constants");
    return 0;
  }
  values.push_back(value);
  return static_cast<uint32_t>(values.size() - 1);
}

int CodeBuilder::Reserve(int count) {
  const int first = next_;
  next_ += count;
  if (next_ > kMaxRegisters) {
    Exceeded("registers");
    next_ = 0;  // keeps the operands in range; the code is thrown away
    return 0;
  }
  if (next_ > highest_) highest_ = next_;
  return first;
}

void CodeBuilder::Exceeded(const std::string& what) {
  if (!error_) error_ = Diagnostic{span_, "this procedure needs too many " + what};
}

Result<CodeObject*> CodeBuilder::Finish() {
  if (error_) return Unexpected(std::move(*error_));
  code_->frame_size = static_cast<uint32_t>(highest_);
  code_->constants = constants_.values();
  return heap_.NewCode(std::move(code_));
}

}  // namespace eta
