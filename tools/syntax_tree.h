// Source text as it is written: brackets, comments, line breaks. What the formatter works on.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "vm/span.h"

namespace eta {

struct SyntaxNode {
  enum class Kind {
    kAtom,
    kList,          // of `children`, between `text` and `closer`
    kPrefix,        // `text`, one of ' ` , ,@ #; (", " before @) and what it stands before
    kLineComment,   // with its semicolon
    kBlockComment,  // may go over several lines
  };
  Kind kind = Kind::kAtom;
  std::string text;
  char closer = 0;
  std::vector<SyntaxNode> children;
  size_t newlines_before = 0;  // between the node before and this one
  size_t spaces_before = 0;    // if there are no newlines
  size_t column = 0;           // where it begins, from 0
};

// Columns are characters, for what is read as for what is written.
size_t Columns(std::string_view text);

// The column behind `text` that begins in `column`.
size_t ColumnBehind(std::string_view text, size_t column);

// The nodes at the top level. Error: they are nested too deeply.
// REQUIRES: the reader finds no error in `text`.
Result<std::vector<SyntaxNode>> ParseSyntax(std::string_view text);

}  // namespace eta
