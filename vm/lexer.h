// Lexer: source text as tokens. Used by the reader only.
#pragma once

#include <cstdint>
#include <string_view>

#include "vm/datum.h"
#include "vm/span.h"

namespace eta {

struct Token {
  enum class Kind : uint8_t {
    kEnd,         // of the text
    kOpen,        // ( or [
    kVectorOpen,  // #( or #[
    kBytesOpen,   // #u8( or #u8[
    kClose,       // ) or ]
    kDot,
    kPrefix,  // ' ` , ,@
    kSkip,    // #;
    kAtom,
  };
  Kind kind = Kind::kEnd;
  SourceSpan span;
  char closer = 0;              // kOpen...: the bracket that ends it; kClose: which one it is
  std::string_view prefix;      // kPrefix: the symbol it stands for
  const Datum* atom = nullptr;  // kAtom
};

// The text and the arena must outlive the lexer and its tokens.
class Lexer {
 public:
  Lexer(std::string_view text, uint32_t file, SymbolTable& names, DatumArena& arena);

  // The next token. After an error the lexer is of no further use.
  Result<Token> Next();
  // How many bytes of the text were taken.
  size_t position() const { return position_; }
  // Whether the last error was that the text ended inside a token or block comment.
  bool ran_out() const { return ran_out_; }

 private:
  struct Mark {
    size_t position;
    uint32_t line;
    size_t line_start;
  };

  bool AtEnd() const { return position_ == text_.size(); }
  char Peek(size_t ahead = 0) const {
    return position_ + ahead < text_.size() ? text_[position_ + ahead] : '\0';
  }
  void Advance();
  bool AtDelimiter() const;
  Mark Here() const { return {position_, line_, line_start_}; }
  SourceSpan SpanFrom(const Mark& start) const;
  Unexpected<Diagnostic> Fail(const Mark& start, std::string message) const;
  Unexpected<Diagnostic> RanOut(const Mark& start, std::string message);

  Result<Ok> SkipAtmosphere();
  Result<Ok> SkipBlockComment();
  Token Simple(Token::Kind kind, const Mark& start, int length, char closer = 0);
  Result<Token> Hash(const Mark& start);
  Result<Token> Character(const Mark& start);
  Result<Token> String(const Mark& start);
  Result<Token> BarSymbol(const Mark& start);
  Result<Token> Word(const Mark& start);
  Result<Token> NumberOrSymbol(const Mark& start, std::string_view word);
  Result<uint32_t> HexEscape(const Mark& start);
  Result<Ok> Escape(const Mark& start, std::string* out);
  Token Atom(const Mark& start, Datum* datum);
  Datum* New(Datum::Kind kind, const Mark& start);

  std::string_view text_;
  uint32_t file_;
  SymbolTable& names_;
  DatumArena& arena_;
  size_t position_ = 0;
  uint32_t line_ = 1;
  size_t line_start_ = 0;
  bool ran_out_ = false;
};

}  // namespace eta
