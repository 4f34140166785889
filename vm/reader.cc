#include "vm/reader.h"

#include <algorithm>
#include <string>
#include <utility>

#include "vm/lexer.h"
#include "vm/utf8.h"

namespace eta {
namespace {

// An explicit stack of what is open, so that the depth of the text does not matter.
class Reader {
 public:
  Reader(std::string_view text, uint32_t file, SymbolTable& names, DatumArena& arena)
      : lexer_(text, file, names, arena), names_(names), arena_(arena) {}

  Result<std::vector<const Datum*>> ReadAll() {
    while (true) {
      Result<Token> token = lexer_.Next();
      if (!token) return Unexpected(std::move(token.error()));
      if (token->kind == Token::Kind::kEnd && open_.empty()) return std::move(data_);
      if (auto taken = Take(*token); !taken) return Unexpected(std::move(taken.error()));
    }
  }

  // Null at the end of the text.
  Result<const Datum*> ReadOne() {
    while (data_.empty()) {
      Result<Token> token = lexer_.Next();
      if (!token) return Unexpected(std::move(token.error()));
      if (token->kind == Token::Kind::kEnd && open_.empty()) return nullptr;
      if (auto taken = Take(*token); !taken) return Unexpected(std::move(taken.error()));
    }
    return data_.front();
  }

  size_t position() const { return lexer_.position(); }
  bool ran_out() const { return ran_out_ || lexer_.ran_out(); }

 private:
  struct Open {
    Token token;  // kOpen, kVectorOpen, kBytesOpen, kPrefix or kSkip
    std::vector<const Datum*> items;
    bool dotted = false;
    const Datum* tail = nullptr;  // what followed the dot
  };

  Result<Ok> Take(const Token& token) {
    switch (token.kind) {
      case Token::Kind::kEnd:
        return RanOut();
      case Token::Kind::kAtom:
        return Deliver(token.atom);
      case Token::Kind::kClose:
        return Close(token);
      case Token::Kind::kDot:
        return Dot(token.span);
      default:
        open_.push_back({.token = token});
        return Ok{};
    }
  }

  Result<Ok> RanOut() {
    ran_out_ = true;
    const Token& token = open_.back().token;
    switch (token.kind) {
      case Token::Kind::kOpen:
        return Error(token.span, "unclosed list");
      case Token::Kind::kVectorOpen:
        return Error(token.span, "unclosed vector");
      case Token::Kind::kBytesOpen:
        return Error(token.span, "unclosed bytevector");
      default:
        return Error(token.span, "nothing follows this mark");
    }
  }

  Result<Ok> Dot(SourceSpan span) {
    if (open_.empty()) return Error(span, "misplaced dot: it is not in a list");
    Open& open = open_.back();
    if (open.token.kind == Token::Kind::kVectorOpen) return Error(span, "dot in vector literal");
    if (open.token.kind != Token::Kind::kOpen) return Error(span, "misplaced dot");
    if (open.dotted) return Error(span, "multiple dots in dotted list");
    if (open.items.empty()) return Error(span, "dot at start of list");
    open.dotted = true;
    return Ok{};
  }

  Result<Ok> Close(const Token& token) {
    if (open_.empty()) return Error(token.span, "unexpected closing delimiter");
    Open open = std::move(open_.back());
    open_.pop_back();
    if (open.token.closer == 0) return Error(open.token.span, "nothing follows this mark");
    if (open.token.closer != token.closer) {
      return Error(token.span, std::string("unexpected closing delimiter: expected ") +
                                   open.token.closer + " for the one opened in line " +
                                   std::to_string(open.token.span.line));
    }
    if (open.dotted && !open.tail) return Error(token.span, "misplaced dot in list");
    SourceSpan span = open.token.span;
    span.end_line = token.span.end_line;
    span.end_column = token.span.end_column;
    switch (open.token.kind) {
      case Token::Kind::kVectorOpen:
        return Vector(std::move(open.items), span);
      case Token::Kind::kBytesOpen:
        return Bytevector(open.items, span);
      default:
        return List(open, span);
    }
  }

  Result<Ok> List(const Open& open, SourceSpan span) {
    const Datum* list = open.tail ? open.tail : arena_.Nil(span);
    for (auto it = open.items.rbegin(); it != open.items.rend(); ++it) {
      list = arena_.Cons(*it, list, span);
    }
    return Deliver(list);
  }

  Result<Ok> Vector(std::vector<const Datum*> items, SourceSpan span) {
    Datum* vector = arena_.New(Datum::Kind::kVector, span);
    vector->elements = std::move(items);
    return Deliver(vector);
  }

  Result<Ok> Bytevector(const std::vector<const Datum*>& items, SourceSpan span) {
    Datum* bytes = arena_.New(Datum::Kind::kBytevector, span);
    for (const Datum* item : items) {
      if (item->kind != Datum::Kind::kInt) {
        return Error(item->span, "non-integer in bytevector");
      }
      if (item->integer < 0 || item->integer > 255) {
        return Error(item->span, "invalid byte literal: " + std::to_string(item->integer));
      }
      bytes->text.push_back(static_cast<char>(item->integer));
    }
    return Deliver(bytes);
  }

  // Puts a finished datum where it belongs; quote marks that waited for it are finished by it.
  Result<Ok> Deliver(const Datum* datum) {
    while (!open_.empty() && open_.back().token.kind == Token::Kind::kPrefix) {
      const Token mark = open_.back().token;
      open_.pop_back();
      SourceSpan span = datum->span;
      span.line = mark.span.line;
      span.column = mark.span.column;
      const Datum* head = arena_.Symbol(names_.Intern(mark.prefix), mark.span);
      datum = arena_.List({head, datum}, span);
    }
    if (open_.empty()) {
      data_.push_back(datum);
      return Ok{};
    }
    Open& open = open_.back();
    if (open.token.kind == Token::Kind::kSkip) {
      open_.pop_back();
    } else if (!open.dotted) {
      open.items.push_back(datum);
    } else if (!open.tail) {
      open.tail = datum;
    } else {
      return Error(datum->span, "misplaced dot in list: more than one datum follows it");
    }
    return Ok{};
  }

  Lexer lexer_;
  SymbolTable& names_;
  DatumArena& arena_;
  std::vector<Open> open_;
  std::vector<const Datum*> data_;
  bool ran_out_ = false;
};

// The first byte that no text has; npos when there is none.
size_t FindBinary(std::string_view text) {
  return std::min(FindInvalidUtf8(text), text.find('\0'));
}

SourceSpan SpanOfByte(std::string_view text, uint32_t file, size_t position) {
  const std::string_view before = text.substr(0, position);
  const auto line = static_cast<uint32_t>(std::count(before.begin(), before.end(), '\n') + 1);
  const size_t line_start = line == 1 ? 0 : before.rfind('\n') + 1;
  const auto column = static_cast<uint32_t>(position - line_start + 1);
  return {file, line, column, line, column + 1};
}

}  // namespace

Result<std::vector<const Datum*>> Read(std::string_view text, uint32_t file, SymbolTable& names,
                                       DatumArena& arena) {
  if (const size_t bad = FindBinary(text); bad != std::string_view::npos) {
    return Error(SpanOfByte(text, file, bad), "not a program: this byte is not UTF-8 text");
  }
  return Reader(text, file, names, arena).ReadAll();
}

Result<FirstDatum> ReadFirst(std::string_view text, SymbolTable& names, DatumArena& arena) {
  Reader reader(text, 0, names, arena);
  const auto datum = reader.ReadOne();
  FirstDatum first;
  first.end = reader.position();
  if (datum) {
    first.datum = *datum;
  } else if (reader.ran_out()) {
    first.ran_out = true;
  } else {
    return Unexpected(datum.error());
  }
  if (FindBinary(text.substr(0, first.end)) == std::string_view::npos) return first;
  return Error({}, "this is not UTF-8 text");
}

bool IsIncomplete(std::string_view text) {
  SymbolTable names;
  DatumArena arena;
  Reader reader(text, 0, names, arena);
  return !reader.ReadAll() && reader.ran_out();
}

}  // namespace eta
