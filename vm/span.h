// Where something stands in a source text, and what is wrong there.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/expected.h"

namespace eta {

// A stretch of source. Lines and columns count from 1, columns in bytes; the end column is
// exclusive. File numbers are a VM's own (Vm::File): from 1 in the order of loading; 0 is no file,
// or the builtins written in Eta.
struct SourceSpan {
  uint32_t file = 0;
  uint32_t line = 1, column = 1;
  uint32_t end_line = 1, end_column = 1;
};

// One error of reading, expanding, linking or compiling. Nothing of the file has run by then.
struct Diagnostic {
  SourceSpan span;
  std::string message;
  // Set when the place is not in a file that was read (a missing file, say): printed without one.
  bool has_span = true;
};

template <class T>
using Result = Expected<T, Diagnostic>;

inline Unexpected<Diagnostic> Error(SourceSpan span, std::string message) {
  return Unexpected(Diagnostic{span, std::move(message)});
}

}  // namespace eta
