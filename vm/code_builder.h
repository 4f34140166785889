// CodeBuilder: collects the words, constants and places of one procedure while it is emitted.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "vm/code.h"
#include "vm/heap.h"

namespace eta {

// A place in the code that jumps refer to before or after it is known.
struct Label {
  int64_t word = -1;               // -1: not bound yet
  std::vector<size_t> references;  // words to patch: offset words, and jumps with the offset inside
};

class CodeBuilder {
 public:
  explicit CodeBuilder(Heap& heap) : heap_(heap), constants_(heap), code_(new Code) {}

  Code& code() { return *code_; }

  void SetSpan(SourceSpan span) { span_ = span; }
  SourceSpan span() const { return span_; }
  void Emit(Op op, uint32_t a = 0, uint32_t b = 0, uint32_t c = 0) {
    Append(Instruction(op, a, b, c));
  }
  void EmitX(Op op, uint32_t a, uint32_t bx) { Append(InstructionX(op, a, bx)); }
  // An instruction with an offset word.
  void EmitBranch(Op op, Label& target, uint32_t a = 0, uint32_t b = 0);
  void EmitBranchX(Op op, Label& target, uint32_t a, uint32_t bx);
  // A Loop if the target is bound, so behind us, and otherwise a Jump.
  void EmitJump(Label& target);
  void Bind(Label& label);

  // The index of an equal constant, or of a new one.
  uint32_t Constant(Value value);

  // Registers are a stack; the highest one used decides the frame size.
  int next_register() const { return next_; }
  int Reserve(int count = 1);
  void Release(int to) { next_ = to; }

  // The finished code. Error: a limit of the instruction format was exceeded.
  Result<CodeObject*> Finish();
  void Exceeded(const std::string& what);

 private:
  void Append(Word word);
  void Refer(Label& target);

  Heap& heap_;
  RootVector constants_;
  std::unique_ptr<Code> code_;
  SourceSpan span_;
  int next_ = 0;
  int highest_ = 0;
  std::optional<Diagnostic> error_;
};

}  // namespace eta
