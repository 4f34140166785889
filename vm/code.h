// Code: one compiled procedure. Built by the emitter, checked by the verifier, run by the
// interpreter, never changed afterwards.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "vm/object.h"
#include "vm/span.h"

namespace eta {

// An instruction word: opcode in bits 0-7, A in 8-15, B in 16-23, C in 24-31; Bx is B and C
// together. Some opcodes are followed by a word of their own (opcodes.inc says which).
using Word = uint32_t;

struct Code {
  std::string name;  // as traces show it: MODULE_init, or the procedure's own
  uint32_t required_args = 0;
  bool has_rest = false;
  bool is_builtin = false;  // prints as #<primitive>, arity errors say "Primitive"
  uint32_t frame_size = 0;  // registers, parameters first
  std::vector<Word> words;
  std::vector<Value> constants;  // traced with the code; inner procedures are CodeObjects

  // Where the instruction that starts at a word came from: sorted by word, each valid up to the
  // next.
  struct Place {
    uint32_t word;
    SourceSpan span;
  };
  std::vector<Place> places;
  SourceSpan SpanAt(uint32_t word) const;

  // Which captures a closure over this code takes from the enclosing frame.
  struct Capture {
    bool from_register;  // otherwise from the enclosing closure's captures
    uint8_t index;
  };
  std::vector<Capture> captures;

  CodeObject* self = nullptr;
};

}  // namespace eta
