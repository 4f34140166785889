// Code: one compiled procedure, and its instruction words. Built by the emitter, checked by the
// verifier, run by the interpreter, never changed afterwards.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "vm/object.h"
#include "vm/span.h"

namespace eta {

// An instruction: opcode in bits 0-7, A in 8-15, B in 16-23, C in 24-31; Bx is B and C together.
// The instructions with a `w` operand are followed by a word that holds a signed offset.
using Word = uint32_t;

enum class Op : uint8_t {
#define OP(name, operands, builtin, meaning) k##name,
#include "vm/opcodes.inc"
#undef OP
};

struct OpInfo {
  std::string_view name;
  std::string_view operands;
  std::string_view builtin;
  constexpr bool has_offset_word() const { return operands.ends_with('w'); }
};

inline constexpr OpInfo kOps[] = {
#define OP(name, operands, builtin, meaning) {#name, operands, builtin},
#include "vm/opcodes.inc"
#undef OP
};
inline constexpr int kOpCount = sizeof(kOps) / sizeof(kOps[0]);

constexpr Op OpOf(Word w) { return static_cast<Op>(w & 0xFF); }
constexpr uint32_t FieldA(Word w) { return w >> 8 & 0xFF; }
constexpr uint32_t FieldB(Word w) { return w >> 16 & 0xFF; }
constexpr uint32_t FieldC(Word w) { return w >> 24; }
constexpr uint32_t FieldBx(Word w) { return w >> 16; }
constexpr int32_t SignedB(Word w) { return static_cast<int8_t>(FieldB(w)); }
constexpr int32_t SignedC(Word w) { return static_cast<int8_t>(FieldC(w)); }
constexpr int32_t SignedBx(Word w) { return static_cast<int16_t>(FieldBx(w)); }
constexpr int32_t SignedJump(Word w) { return static_cast<int32_t>(w) >> 8; }

constexpr Word Instruction(Op op, uint32_t a = 0, uint32_t b = 0, uint32_t c = 0) {
  return static_cast<Word>(op) | a << 8 | (b & 0xFF) << 16 | (c & 0xFF) << 24;
}
constexpr Word InstructionX(Op op, uint32_t a, uint32_t bx) {
  return static_cast<Word>(op) | a << 8 | (bx & 0xFFFF) << 16;
}

struct Code {
  std::string name;  // as traces show it
  uint32_t required_args = 0;
  bool has_rest = false;    // one more parameter, a list of the surplus arguments
  bool drops_rest = false;  // it is () whatever they are, since nothing looks at it
  bool is_builtin = false;  // prints as #<primitive>, arity errors say "Primitive"
  uint32_t frame_size = 0;  // registers, parameters first
  std::vector<Word> words;
  std::vector<Value> constants;  // traced with the code; inner procedures are CodeObjects

  // Which source form the words from `word` up to the next place came from. Sorted.
  struct Place {
    uint32_t word;
    SourceSpan span;
  };
  std::vector<Place> places;

  // What a closure over this code takes from the enclosing procedure.
  struct Capture {
    bool from_register;  // otherwise from the enclosing closure's captures
    uint8_t index;
  };
  std::vector<Capture> captures;

  CodeObject* self = nullptr;

  // What an exact call must pass; a mismatch (or a rest parameter) takes the slow way in.
  // Heap::NewCode sets it.
  uint32_t shape = kVariadic;
  static constexpr uint32_t kVariadic = uint32_t{1} << 31;
  uint32_t parameter_count() const { return required_args + (has_rest ? 1 : 0); }
  SourceSpan SpanAt(uint32_t word) const;
};

}  // namespace eta
