#include "tools/syntax_tree.h"

#include <algorithm>
#include <cstdint>
#include <optional>
#include <utility>

#include "base/byte_order_mark.h"

namespace eta {
namespace {

using Kind = SyntaxNode::Kind;

bool IsSpace(char c) { return std::string_view(" \t\n\r\f\v").find(c) != std::string_view::npos; }
bool IsDelimiter(char c) {
  return IsSpace(c) || std::string_view("()[]\";,`'").find(c) != std::string_view::npos;
}

// What works on a tree calls itself for each level.
constexpr size_t kMaxDepth = 5000;

class SyntaxParser {
 public:
  explicit SyntaxParser(std::string_view text) : text_(text), rest_(text) {}

  Result<std::vector<SyntaxNode>> Parse() {
    std::vector<SyntaxNode> nodes = ParseNodes();
    if (!too_deep_) return nodes;
    return Error(*too_deep_, "nested more than " + std::to_string(kMaxDepth) + " levels deep");
  }

 private:
  // Nodes up to a closing bracket, which is not taken, or the end.
  std::vector<SyntaxNode> ParseNodes() {
    std::vector<SyntaxNode> nodes;
    while (true) {
      const auto [newlines, spaces] = SkipSpace();
      if (rest_.empty() || rest_[0] == ')' || rest_[0] == ']') return nodes;
      const size_t column = column_;
      SyntaxNode node = ParseNode();
      node.newlines_before = newlines;
      node.spaces_before = spaces;
      node.column = column;
      nodes.push_back(std::move(node));
    }
  }

  std::pair<size_t, size_t> SkipSpace() {
    size_t newlines = 0, spaces = 0;
    while (spaces < rest_.size() && IsSpace(rest_[spaces])) newlines += rest_[spaces++] == '\n';
    Take(spaces);
    return {newlines, spaces};
  }

  std::string Take(size_t count) {
    std::string text(rest_.substr(0, count));
    rest_.remove_prefix(text.size());
    column_ = ColumnBehind(text, column_);
    return text;
  }

  SyntaxNode ParseNode() {
    if (depth_ == kMaxDepth) return GiveUp();
    ++depth_;
    SyntaxNode node = ParseNodeHere();
    --depth_;
    return node;
  }

  // So that nothing is left to parse.
  SyntaxNode GiveUp() {
    const std::string_view before = text_.substr(0, text_.size() - rest_.size());
    const size_t line = std::count(before.begin(), before.end(), '\n') + 1;
    const size_t column = before.size() - (before.rfind('\n') + 1) + 1;
    too_deep_ = {1, static_cast<uint32_t>(line), static_cast<uint32_t>(column),
                 static_cast<uint32_t>(line), static_cast<uint32_t>(column + 1)};
    rest_ = {};
    return {};
  }

  SyntaxNode ParseNodeHere() {
    if (rest_[0] == ';') return LineComment();
    if (rest_.starts_with("#!")) return Directive();
    if (rest_.starts_with("#|")) return BlockComment();
    for (std::string_view open : {"(", "[", "#(", "#[", "#u8(", "#u8[", "#U8(", "#U8["}) {
      if (rest_.starts_with(open)) return List(open.size());
    }
    for (std::string_view mark : {"#;", ",@", "'", "`", ","}) {
      if (rest_.starts_with(mark)) return Prefix(mark.size());
    }
    return Atom();
  }

  SyntaxNode LineComment() {
    std::string text = Take(std::min(rest_.find('\n'), rest_.size()));
    text.erase(text.find_last_not_of(" \t\r") + 1);
    return {Kind::kLineComment, std::move(text)};
  }

  // `#!` makes a comment of the first line of a file, and of a word elsewhere.
  SyntaxNode Directive() {
    if (rest_.size() == text_.size()) return LineComment();
    size_t end = 2;
    while (end < rest_.size() && !IsDelimiter(rest_[end])) ++end;
    return {Kind::kAtom, Take(end)};
  }

  SyntaxNode BlockComment() {
    size_t end = 2;
    for (int depth = 1; depth > 0 && end < rest_.size();) {
      const std::string_view two = rest_.substr(end, 2);
      depth += two == "#|" ? 1 : two == "|#" ? -1 : 0;
      end += two == "#|" || two == "|#" ? 2 : 1;
    }
    return {Kind::kBlockComment, Take(end)};
  }

  SyntaxNode List(size_t open) {
    SyntaxNode list{Kind::kList, Take(open)};
    list.closer = list.text.back() == '(' ? ')' : ']';
    list.children = ParseNodes();
    Take(1);
    return list;
  }

  SyntaxNode Prefix(size_t size) {
    SyntaxNode prefix{Kind::kPrefix, Take(size)};
    do {
      const size_t newlines = SkipSpace().first, column = column_;
      prefix.children.push_back(ParseNode());
      prefix.children.back().newlines_before = newlines;
      prefix.children.back().column = column;
    } while (IsComment(prefix.children.back()) && !rest_.empty());
    // Without the space it would be another prefix.
    if (prefix.text == "," && prefix.children[0].text.starts_with('@')) prefix.text += ' ';
    return prefix;
  }

  // What stands between a mark and its datum.
  static bool IsComment(const SyntaxNode& node) {
    return node.kind == Kind::kLineComment || node.kind == Kind::kBlockComment ||
           (node.kind == Kind::kPrefix && node.text == "#;") || node.text.starts_with("#!");
  }

  // Behind the character that follows the backslash, whatever it is, or the ; of #\x41;.
  size_t CharacterEnd() const {
    const size_t end = rest_.find_first_not_of("0123456789ABCDEFabcdef", 3);
    const bool hex = rest_.starts_with("#\\x") && end != std::string_view::npos && end > 3;
    return hex && rest_[end] == ';' ? end + 1 : 3;
  }

  SyntaxNode Atom() {
    size_t end = 0;
    if (rest_[0] == '"') {
      for (end = 1; end < rest_.size() && rest_[end] != '"'; ++end) end += rest_[end] == '\\';
      return {Kind::kAtom, Take(end + 1)};
    }
    if (rest_.starts_with("#\\")) end = CharacterEnd();
    for (; end < rest_.size() && !IsDelimiter(rest_[end]); ++end) {
      if (rest_[end] != '|') continue;
      for (++end; end < rest_.size() && rest_[end] != '|'; ++end) end += rest_[end] == '\\';
    }
    return {Kind::kAtom, Take(std::max<size_t>(end, 1))};
  }

  const std::string_view text_;
  std::string_view rest_;
  size_t column_ = 0;
  size_t depth_ = 0;
  std::optional<SourceSpan> too_deep_;
};

}  // namespace

size_t Columns(std::string_view text) {
  return static_cast<size_t>(
      std::count_if(text.begin(), text.end(), [](char c) { return (c & 0xC0) != 0x80; }));
}

size_t ColumnBehind(std::string_view text, size_t column) {
  const size_t newline = text.rfind('\n');
  return newline == std::string_view::npos ? column + Columns(text)
                                           : Columns(text.substr(newline + 1));
}

Result<std::vector<SyntaxNode>> ParseSyntax(std::string_view text) {
  return SyntaxParser(WithoutByteOrderMark(text)).Parse();
}

}  // namespace eta
