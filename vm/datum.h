// Datum: source text as data, with its place. What the reader yields, the expander rewrites and
// the analyzer consumes. It is independent of any heap, so a stage can be tested text to text.
//
// Data are immutable once built and live in a DatumArena, freed together after compilation.
// Symbols are interned in the arena-independent SymbolTable below, so that `==` on `symbol` works.
#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "vm/span.h"

namespace eta {

// An interned name. Two symbols of one SymbolTable are the same name iff the pointers are equal.
using Name = const std::string*;

// Owns the names of one VM. Not thread-safe: one per VM.
class SymbolTable {
 public:
  Name Intern(std::string_view text) { return &*names_.emplace(text).first; }
  // A name that no program can write, whatever its text: no Intern ever returns it.
  Name Fresh(std::string text) { return &fresh_.emplace_back(std::move(text)); }

 private:
  std::unordered_set<std::string> names_;  // node-based: addresses are stable
  std::deque<std::string> fresh_;
};

struct Datum {
  enum class Kind : uint8_t {
    kNil,
    kBool,
    kInt,
    kFloat,
    kChar,
    kString,
    kSymbol,
    kPair,
    kVector,
    kBytevector,
    kObject
  };

  Kind kind = Kind::kNil;
  SourceSpan span;
  union {
    bool boolean;
    int64_t integer = 0;  // kObject: the bits of a Value, which whoever made the datum keeps alive
    double real;
    uint32_t character;
    Name symbol;
    struct {
      const Datum* car;
      const Datum* cdr;
    } pair;
  };
  std::string text;                    // kString, kBytevector (bytes)
  std::vector<const Datum*> elements;  // kVector

  bool IsNil() const { return kind == Kind::kNil; }
  bool IsPair() const { return kind == Kind::kPair; }
  bool IsSymbol() const { return kind == Kind::kSymbol; }
  bool IsSymbol(Name name) const { return IsSymbol() && symbol == name; }
  const Datum* Car() const { return pair.car; }  // REQUIRES: IsPair()
  const Datum* Cdr() const { return pair.cdr; }  // REQUIRES: IsPair()
};

// Owns data. Addresses are stable; everything is freed with the arena.
class DatumArena {
 public:
  Datum* New(Datum::Kind kind, SourceSpan span) {
    Datum& d = data_.emplace_back();
    d.kind = kind;
    d.span = span;
    return &d;
  }
  const Datum* Nil(SourceSpan span) { return New(Datum::Kind::kNil, span); }
  const Datum* Symbol(Name name, SourceSpan span) {
    Datum* d = New(Datum::Kind::kSymbol, span);
    d->symbol = name;
    return d;
  }
  const Datum* Cons(const Datum* car, const Datum* cdr, SourceSpan span) {
    Datum* d = New(Datum::Kind::kPair, span);
    d->pair.car = car;
    d->pair.cdr = cdr;
    return d;
  }
  // A name like SymbolTable::Fresh, for as long as the arena lives.
  Name Fresh(std::string_view text) { return &fresh_.emplace_back(text); }
  const Datum* List(const std::vector<const Datum*>& items, SourceSpan span) {
    const Datum* list = Nil(span);
    for (auto it = items.rbegin(); it != items.rend(); ++it) list = Cons(*it, list, span);
    return list;
  }

 private:
  std::deque<Datum> data_;
  std::deque<std::string> fresh_;
};

// The elements of a proper list; false when `list` is improper.
bool ListElements(const Datum* list, std::vector<const Datum*>* out);

// `datum` as source text that reads back to the same datum (on one line).
std::string ToText(const Datum* datum);

}  // namespace eta
