#include "tools/formatter.h"

#include <algorithm>
#include <iterator>
#include <optional>
#include <utility>

#include "base/check.h"
#include "tools/syntax_tree.h"
#include "vm/dump.h"
#include "vm/reader.h"

namespace eta {
namespace {

using Kind = SyntaxNode::Kind;

constexpr size_t kColumns = 100;
constexpr size_t kEndless = SIZE_MAX / 4;  // wider than any line: it has a line break inside

// Forms with a body, and how many elements stand before it.
constexpr std::pair<std::string_view, size_t> kBodyForms[] = {
    {"begin", 0},
    {"call-with-values", 1},
    {"case", 1},
    {"case-lambda", 0},
    {"catch", 1},
    {"cond-expand", 0},
    {"def", 1},
    {"define", 1},
    {"define-record-type", 1},
    {"define-syntax", 1},
    {"define-values", 1},
    {"defun", 2},
    {"delay", 0},
    {"do", 2},
    {"guard", 1},
    {"lambda", 1},
    {"let", 1},
    {"let*", 1},
    {"let*-values", 1},
    {"let-syntax", 1},
    {"let-values", 1},
    {"letrec", 1},
    {"letrec*", 1},
    {"letrec-syntax", 1},
    {"module", 1},
    {"parameterize", 1},
    {"progn", 0},
    {"receive", 2},
    {"syntax-rules", 1},
    {"unless", 1},
    {"when", 1},
    {"while", 1},
};

bool IsLineComment(const SyntaxNode& node) { return node.kind == Kind::kLineComment; }

// On a single line; kEndless if that cannot be.
size_t FlatWidth(const SyntaxNode& node) {
  if (IsLineComment(node) || node.text.find('\n') != std::string::npos) return kEndless;
  size_t width = Columns(node.text) + (node.kind == Kind::kList ? 1 : 0);
  for (size_t i = 0; i < node.children.size(); ++i) {
    const SyntaxNode& child = node.children[i];
    if (i > 0 && child.newlines_before > 0) return kEndless;
    width = std::min(kEndless, width + FlatWidth(child) + (i > 0 ? 1 : 0));
  }
  return width;
}

// With line breaks wherever they can be.
size_t LeastWidth(const SyntaxNode& node) {
  size_t least = 0;
  for (const SyntaxNode& child : node.children) least = std::max(least, LeastWidth(child));
  return IsLineComment(node) ? 0 : Columns(node.text) + least;
}

// How many elements behind the head stand before the body; nothing when the form has none.
std::optional<size_t> ElementsBeforeBody(const SyntaxNode& list) {
  if (list.children.empty() || list.text.size() != 1) return {};
  const std::string& head = list.children[0].text;
  const auto* found = std::find_if(std::begin(kBodyForms), std::end(kBodyForms),
                                   [&](const auto& form) { return form.first == head; });
  if (found == std::end(kBodyForms)) return {};
  const bool named_let =
      head == "let" && list.children.size() > 1 && list.children[1].kind == Kind::kAtom;
  return found->second + (named_let ? 1 : 0);
}

class Formatter {
 public:
  std::string Run(const std::vector<SyntaxNode>& nodes) {
    // A word after #! would be a line at the beginning of the file.
    const bool is_word = !nodes.empty() && nodes[0].kind == Kind::kAtom;
    if (is_word && nodes[0].text.starts_with("#!")) out_ += '\n';
    for (size_t i = 0; i < nodes.size(); ++i) {
      if (i > 0) Separate(nodes[i - 1], nodes[i], 0);
      Print(nodes[i], 0);
    }
    if (!nodes.empty()) out_ += '\n';
    return std::move(out_);
  }

 private:
  void Put(std::string_view text) {
    out_ += text;
    column_ = ColumnBehind(text, column_);
  }

  void NewLine(size_t indent, bool blank) {
    Put(blank ? "\n\n" : "\n");
    Put(std::string(indent, ' '));
  }

  // What comes between two neighbours if the author's breaks are all that is needed.
  void Separate(const SyntaxNode& before, const SyntaxNode& node, size_t indent) {
    if (node.newlines_before > 0 || IsLineComment(before)) {
      NewLine(indent, node.newlines_before > 1);
    } else {
      Put(std::string(IsLineComment(node) ? std::max<size_t>(1, node.spaces_before) : 1, ' '));
    }
  }

  // `closers`: that follow on the same line.
  void Print(const SyntaxNode& node, size_t closers) {
    switch (node.kind) {
      case Kind::kAtom:
      case Kind::kLineComment:
      case Kind::kBlockComment:
        return Put(node.text);
      case Kind::kPrefix:
        return PrintPrefix(node, closers);
      case Kind::kList:
        return PrintList(node, closers);
    }
  }

  void PrintPrefix(const SyntaxNode& node, size_t closers) {
    Put(node.text);
    quotes_ += node.text == "'";
    const size_t indent = column_;
    for (size_t i = 0; i < node.children.size(); ++i) {
      if (i > 0) Separate(node.children[i - 1], node.children[i], indent);
      Print(node.children[i], closers);
    }
    quotes_ -= node.text == "'";
  }

  void PrintList(const SyntaxNode& list, size_t closers) {
    const bool flat = column_ + FlatWidth(list) + closers <= kColumns;
    Put(list.text);
    if (flat) {
      PrintFlat(list);
    } else {
      PrintBroken(list, closers);
    }
    Put(std::string(1, list.closer));
  }

  void PrintFlat(const SyntaxNode& list) {
    for (size_t i = 0; i < list.children.size(); ++i) {
      if (i > 0) Put(" ");
      Print(list.children[i], 0);
    }
  }

  void PrintBroken(const SyntaxNode& list, size_t closers) {
    const size_t base = column_;
    const auto before_body = quotes_ > 0 ? std::nullopt : ElementsBeforeBody(list);
    const bool is_too_long = FlatWidth(list) < kEndless;  // its author had it on one line
    bool moved = false;                                   // the arguments are below the head
    std::optional<size_t> first_argument;  // its column, if it stands behind the head
    for (size_t i = 0; i < list.children.size(); ++i) {
      const SyntaxNode& child = list.children[i];
      const size_t closers_here = i + 1 == list.children.size() ? closers + 1 : 0;
      if (i > 0) {
        const bool in_body = before_body && i > *before_body;
        bool breaks = in_body && is_too_long;
        if (!before_body || in_body || child.kind != Kind::kList) {
          breaks = breaks || NeedsBreak(child, closers_here);
        }
        if (i == 1 && !before_body) moved = breaks = breaks || IsTooWideBehindHead(list);
        const size_t indent = moved         ? base
                              : before_body ? base + (in_body ? 1 : 3)
                                            : Indent(list, child, base, first_argument);
        if (breaks && child.newlines_before == 0 && !IsLineComment(list.children[i - 1])) {
          NewLine(indent, false);
        } else {
          Separate(list.children[i - 1], child, indent);
        }
        const bool behind_head = i == 1 && !breaks && child.newlines_before == 0;
        if (behind_head && IsHead(list)) first_argument = column_;
      }
      Print(child, closers_here);
    }
    if (!list.children.empty() && IsLineComment(list.children.back())) NewLine(base, false);
  }

  // Where an argument begins that stands on a line of its own: two columns into the form if its
  // author put it there, otherwise below the first one.
  size_t Indent(const SyntaxNode& list, const SyntaxNode& child, size_t base,
                std::optional<size_t> first_argument) const {
    if (!IsHead(list) || child.newlines_before == 0) return first_argument.value_or(base);
    const size_t inside = child.column > list.column ? child.column - list.column : 0;
    if (inside == 2) return base + 1;
    return first_argument.value_or(inside == 1 ? base : base + 1);
  }

  // Whether arguments line up with the first of them: data have no such place.
  bool IsHead(const SyntaxNode& list) const {
    return quotes_ == 0 && list.text.size() == 1 && list.children[0].kind == Kind::kAtom;
  }

  // Whether it does not fit behind what is on the line already.
  bool NeedsBreak(const SyntaxNode& node, size_t closers) const {
    const size_t width = FlatWidth(node);
    return width < kEndless && column_ + 1 + width + closers > kColumns;
  }

  bool IsTooWideBehindHead(const SyntaxNode& list) const {
    size_t least = 0;
    for (size_t i = 1; i < list.children.size(); ++i) {
      least = std::max(least, LeastWidth(list.children[i]));
    }
    return column_ + 1 + least > kColumns && column_ > kColumns / 2;
  }

  std::string out_;
  size_t column_ = 0;
  int quotes_ = 0;  // around what is being printed: data have no bodies
};

Result<std::string> DataOf(std::string_view text) {
  SymbolTable names;
  DatumArena arena;
  auto data = Read(text, 1, names, arena);
  if (!data) return Unexpected(std::move(data.error()));
  return DumpData(*data);
}

}  // namespace

Result<std::string> FormatSource(std::string_view text) {
  const auto before = DataOf(text);
  if (!before) return before;
  const auto nodes = ParseSyntax(text);
  if (!nodes) return Unexpected(nodes.error());
  std::string formatted = Formatter().Run(*nodes);
  const auto after = DataOf(formatted);
  ETA_CHECK(after && *after == *before);
  return formatted;
}

}  // namespace eta
