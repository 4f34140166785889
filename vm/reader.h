// Reader: source text -> data with spans.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "vm/datum.h"
#include "vm/span.h"

namespace eta {

// Reads all of `text`, which is number `file` of its VM. Nesting is limited by memory only. The
// error is the first one; text that is not UTF-8 or holds a NUL is one error at that place.
Result<std::vector<const Datum*>> Read(std::string_view text, uint32_t file, SymbolTable& names,
                                       DatumArena& arena);

// The first datum of `text`, which takes it up to the byte `end`.
struct FirstDatum {
  const Datum* datum = nullptr;  // null: there is none, or
  bool ran_out = false;          // the text ends inside it
  size_t end = 0;
};
Result<FirstDatum> ReadFirst(std::string_view text, SymbolTable& names, DatumArena& arena);

// Whether `text` is the beginning of something longer: it ends inside a list, a string, a comment
// or after a quote mark. For a prompt that reads on.
bool IsIncomplete(std::string_view text);

}  // namespace eta
