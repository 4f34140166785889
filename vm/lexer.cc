#include "vm/lexer.h"

#include <string>
#include <utility>

#include "base/byte_order_mark.h"
#include "vm/number_syntax.h"
#include "vm/utf8.h"

namespace eta {
namespace {

bool IsSpace(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }
bool IsLetter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
bool IsDigit(char c) { return c >= '0' && c <= '9'; }

bool IsDelimiter(char c) {
  return IsSpace(c) || std::string_view("()[]\";,`'").find(c) != std::string_view::npos;
}

bool StartsIdentifier(char c) {
  return IsLetter(c) || std::string_view("!$%&*/:<=>?^_~@+-").find(c) != std::string_view::npos;
}

bool ContinuesIdentifier(char c) { return StartsIdentifier(c) || IsDigit(c) || c == '.'; }

std::string Lowered(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return out;
}

int HexValue(char c) {
  if (IsDigit(c)) return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

// False when `text` is not a hexadecimal number.
bool ParseHex(std::string_view text, uint32_t* value) {
  *value = 0;
  for (char c : text) {
    const int digit = HexValue(c);
    if (digit < 0) return false;
    if (*value <= 0x10FFFF) *value = *value * 16 + static_cast<uint32_t>(digit);
  }
  return !text.empty();
}

struct NamedCharacter {
  std::string_view name;
  uint32_t code_point;
};
constexpr NamedCharacter kNamedCharacters[] = {
    {"alarm", 7},     {"backspace", 8}, {"del", 127}, {"delete", 127}, {"escape", 27},
    {"linefeed", 10}, {"newline", 10},  {"nul", 0},   {"null", 0},     {"page", 12},
    {"return", 13},   {"space", 32},    {"tab", 9},   {"vtab", 11},
};

// A character literal's text after `#\`.
bool ParseCharacter(std::string_view text, uint32_t* code_point) {
  size_t end = 0;
  if (DecodeUtf8(text, &end, code_point) && end == text.size()) return true;
  if (text[0] == 'x') return ParseHex(text.substr(1), code_point) && IsScalarValue(*code_point);
  const std::string name = Lowered(text);
  for (const NamedCharacter& named : kNamedCharacters) {
    if (named.name != name) continue;
    *code_point = named.code_point;
    return true;
  }
  return false;
}

}  // namespace

Lexer::Lexer(std::string_view text, uint32_t file, SymbolTable& names, DatumArena& arena)
    : text_(WithoutByteOrderMark(text)), file_(file), names_(names), arena_(arena) {
  if (!text_.starts_with("#!")) return;
  while (!AtEnd() && Peek() != '\n') Advance();
}

void Lexer::Advance() {
  if (text_[position_++] == '\n') {
    ++line_;
    line_start_ = position_;
  }
}

bool Lexer::AtDelimiter() const { return AtEnd() || IsDelimiter(text_[position_]); }

SourceSpan Lexer::SpanFrom(const Mark& start) const {
  return {file_, start.line, static_cast<uint32_t>(start.position - start.line_start + 1), line_,
          static_cast<uint32_t>(position_ - line_start_ + 1)};
}

Unexpected<Diagnostic> Lexer::Fail(const Mark& start, std::string message) const {
  return Error(SpanFrom(start), std::move(message));
}

Unexpected<Diagnostic> Lexer::RanOut(const Mark& start, std::string message) {
  ran_out_ = true;
  SourceSpan span = SpanFrom(start);
  span.end_line = span.line;  // where it began is the place to look at
  span.end_column = span.column + 1;
  return Error(span, std::move(message));
}

Result<Ok> Lexer::SkipAtmosphere() {
  while (!AtEnd()) {
    if (IsSpace(Peek())) {
      Advance();
    } else if (Peek() == ';') {
      while (!AtEnd() && Peek() != '\n') Advance();
    } else if (Peek() == '#' && Peek(1) == '|') {
      if (auto skipped = SkipBlockComment(); !skipped) return skipped;
    } else if (Peek() == '#' && Peek(1) == '!') {
      while (!AtDelimiter()) Advance();
    } else {
      break;
    }
  }
  return Ok{};
}

Result<Ok> Lexer::SkipBlockComment() {
  const Mark start = Here();
  int depth = 0;
  do {
    if (AtEnd()) return RanOut(start, "unterminated block comment");
    const bool opens = Peek() == '#' && Peek(1) == '|';
    const bool closes = Peek() == '|' && Peek(1) == '#';
    if (opens) ++depth;
    if (closes) --depth;
    if (opens || closes) Advance();
    Advance();
  } while (depth > 0);
  return Ok{};
}

Result<Token> Lexer::Next() {
  if (auto skipped = SkipAtmosphere(); !skipped) return Unexpected(std::move(skipped.error()));
  const Mark start = Here();
  if (AtEnd()) return Simple(Token::Kind::kEnd, start, 0);
  switch (Peek()) {
    case '(':
      return Simple(Token::Kind::kOpen, start, 1, ')');
    case '[':
      return Simple(Token::Kind::kOpen, start, 1, ']');
    case ')':
    case ']':
      return Simple(Token::Kind::kClose, start, 1, Peek());
    case '"':
      return String(start);
    case '|':
      return BarSymbol(start);
    case '#':
      return Hash(start);
    case '\'':
    case '`':
    case ',': {
      const bool splicing = Peek() == ',' && Peek(1) == '@';
      const std::string_view prefix = Peek() == '\''  ? "quote"
                                      : Peek() == '`' ? "quasiquote"
                                      : splicing      ? "unquote-splicing"
                                                      : "unquote";
      Token token = Simple(Token::Kind::kPrefix, start, splicing ? 2 : 1);
      token.prefix = prefix;
      return token;
    }
    default:
      return Word(start);
  }
}

Token Lexer::Simple(Token::Kind kind, const Mark& start, int length, char closer) {
  for (int i = 0; i < length; ++i) Advance();
  return {.kind = kind, .span = SpanFrom(start), .closer = closer};
}

Token Lexer::Atom(const Mark& start, Datum* datum) {
  datum->span = SpanFrom(start);
  return {.kind = Token::Kind::kAtom, .span = datum->span, .atom = datum};
}

Datum* Lexer::New(Datum::Kind kind, const Mark& start) { return arena_.New(kind, SpanFrom(start)); }

Result<Token> Lexer::Hash(const Mark& start) {
  const std::string_view rest = text_.substr(position_);
  if (rest.starts_with("#(")) return Simple(Token::Kind::kVectorOpen, start, 2, ')');
  if (rest.starts_with("#[")) return Simple(Token::Kind::kVectorOpen, start, 2, ']');
  if (rest.starts_with("#u8(")) return Simple(Token::Kind::kBytesOpen, start, 4, ')');
  if (rest.starts_with("#u8[")) return Simple(Token::Kind::kBytesOpen, start, 4, ']');
  if (rest.starts_with("#;")) return Simple(Token::Kind::kSkip, start, 2);
  if (rest.starts_with("#\\")) return Character(start);
  while (!AtDelimiter()) Advance();
  const std::string_view word = text_.substr(start.position, position_ - start.position);
  const std::string lowered = Lowered(word);
  const bool is_true = lowered == "#t" || lowered == "#true";
  if (is_true || lowered == "#f" || lowered == "#false") {
    Datum* datum = New(Datum::Kind::kBool, start);
    datum->boolean = is_true;
    return Atom(start, datum);
  }
  if (LooksLikeNumber(word)) return NumberOrSymbol(start, word);
  return Fail(start, "unknown # syntax: " + std::string(word));
}

Result<Token> Lexer::Character(const Mark& start) {
  Advance();
  Advance();
  if (AtEnd()) return RanOut(start, "a character is missing after #\\");
  const size_t begin = position_;
  uint32_t code_point = 0;
  size_t end = position_;
  DecodeUtf8(text_, &end, &code_point);
  while (position_ < end) Advance();
  while (!AtDelimiter()) Advance();
  const std::string_view text = text_.substr(begin, position_ - begin);
  if (!ParseCharacter(text, &code_point)) {
    return Fail(start, "unknown character: #\\" + std::string(text));
  }
  const bool is_hex = text.size() > 1 && text[0] == 'x';
  if (is_hex && Peek() == ';') Advance();
  if (!AtDelimiter()) return Fail(start, "a character must be followed by a delimiter");
  Datum* datum = New(Datum::Kind::kChar, start);
  datum->character = code_point;
  return Atom(start, datum);
}

Result<uint32_t> Lexer::HexEscape(const Mark& start) {
  const size_t begin = position_;
  while (HexValue(Peek()) >= 0) Advance();
  uint32_t code_point = 0;
  if (!ParseHex(text_.substr(begin, position_ - begin), &code_point) || Peek() != ';') {
    return Fail(start, "a \\x escape must be hexadecimal digits and a semicolon");
  }
  Advance();
  if (!IsScalarValue(code_point)) return Fail(start, "a \\x escape names no Unicode character");
  return code_point;
}

// After a backslash in a string.
Result<Ok> Lexer::Escape(const Mark& start, std::string* out) {
  constexpr std::string_view kEscapes = "abtnr\"\\", kMeanings = "\a\b\t\n\r\"\\";
  const Mark here = Here();
  const char c = Peek();
  if (c == 'x') {
    Advance();
    const auto code_point = HexEscape(here);
    if (!code_point) return Unexpected(code_point.error());
    AppendUtf8(*code_point, out);
    return Ok{};
  }
  if (AtEnd()) return RanOut(start, "unterminated string");
  const size_t index = kEscapes.find(c);
  if (index == std::string_view::npos) {
    size_t end = position_;
    uint32_t code_point;
    DecodeUtf8(text_, &end, &code_point);
    if (c == '\n') return Fail(here, "a string must end on the line it starts on");
    return Fail(here, "unknown escape in string: \\" +
                          std::string(text_.substr(position_, end - position_)));
  }
  out->push_back(kMeanings[index]);
  Advance();
  return Ok{};
}

Result<Token> Lexer::String(const Mark& start) {
  Datum* datum = New(Datum::Kind::kString, start);
  Advance();
  while (Peek() != '"' || AtEnd()) {
    if (AtEnd()) return RanOut(start, "unterminated string");
    const char c = Peek();
    if (c == '\n') return Fail(start, "unterminated string: it must end on the line it starts on");
    Advance();
    if (c != '\\') {
      datum->text.push_back(c);
    } else if (auto escaped = Escape(start, &datum->text); !escaped) {
      return Unexpected(std::move(escaped.error()));
    }
  }
  Advance();
  return Atom(start, datum);
}

Result<Token> Lexer::BarSymbol(const Mark& start) {
  std::string name;
  Advance();
  while (Peek() != '|' || AtEnd()) {
    if (AtEnd()) return RanOut(start, "unterminated |symbol|");
    const char c = Peek();
    Advance();
    if (c != '\\') {
      name.push_back(c);
    } else if (Peek() == 'x') {
      Advance();
      const auto code_point = HexEscape(start);
      if (!code_point) return Unexpected(code_point.error());
      AppendUtf8(*code_point, &name);
    } else if (!AtEnd()) {
      name.push_back(Peek());
      Advance();
    }
  }
  Advance();
  if (!AtDelimiter()) return Fail(start, "a symbol must be followed by a delimiter");
  Datum* datum = New(Datum::Kind::kSymbol, start);
  datum->symbol = names_.Intern(name);
  return Atom(start, datum);
}

Result<Token> Lexer::Word(const Mark& start) {
  while (!AtDelimiter()) Advance();
  return NumberOrSymbol(start, text_.substr(start.position, position_ - start.position));
}

Result<Token> Lexer::NumberOrSymbol(const Mark& start, std::string_view word) {
  if (LooksLikeNumber(word)) {
    const Number number = ParseNumber(word);
    if (const auto* bad = std::get_if<BadNumber>(&number)) {
      return Fail(start, std::string(bad->reason) + ": " + std::string(word));
    }
    const bool is_float = std::holds_alternative<double>(number);
    Datum* datum = New(is_float ? Datum::Kind::kFloat : Datum::Kind::kInt, start);
    if (is_float) {
      datum->real = std::get<double>(number);
    } else {
      datum->integer = std::get<int64_t>(number);
    }
    return Atom(start, datum);
  }
  if (word == ".") return Token{.kind = Token::Kind::kDot, .span = SpanFrom(start)};
  if (word == "Nil") return Atom(start, New(Datum::Kind::kNil, start));
  if (word != "...") {
    for (size_t i = 0; i < word.size(); ++i) {
      if (i == 0 ? StartsIdentifier(word[i]) : ContinuesIdentifier(word[i])) continue;
      if (i > 0 && word[i] == '#') {
        return Fail(start, "an identifier must be followed by a delimiter: " + std::string(word));
      }
      return Fail(start, "illegal character in identifier: " + std::string(word));
    }
  }
  Datum* datum = New(Datum::Kind::kSymbol, start);
  datum->symbol = names_.Intern(word);
  return Atom(start, datum);
}

}  // namespace eta
