#include "vm/expander.h"

#include <unordered_set>
#include <utility>

#include "vm/module_text.h"

namespace eta {
namespace {

// Expressions may nest this deep. The stages recurse, and replicas run on threads whose stacks are
// small.
constexpr int kMaxDepth = 1000;

}  // namespace

bool IsSymbolNamed(const Datum* datum, std::string_view text) {
  return datum->IsSymbol() && *datum->symbol == text;
}

Expander::Expander(SymbolTable& names, DatumArena& arena, const MacroLibrary* library)
    : names_(names), arena_(arena), library_(library) {
  env_ = NewEnvironment(Environment::Kind::kLibrary);
}

Expander::~Expander() = default;

Expander::Nesting::Nesting(Expander& expander, SourceSpan span)
    : expander_(expander), ok_(++expander.depth_ <= kMaxDepth) {
  if (ok_) return;
  expander.Fail(span, "nested more than " + std::to_string(kMaxDepth) + " levels deep");
}

std::nullptr_t Expander::Fail(SourceSpan span, std::string message) {
  if (!failed_) error_ = Diagnostic{span, std::move(message)};
  failed_ = true;
  return nullptr;
}

bool Expander::Fail(Diagnostic error) {
  if (!failed_) error_ = std::move(error);
  failed_ = true;
  return false;
}

bool Expander::CheckSize(const Datum* form, const Items& items, size_t min, size_t max,
                         std::string_view usage) {
  if (items.size() >= min && items.size() <= max) return true;
  Fail(form->span, *items[0]->symbol + ": expected " + std::string(usage));
  return false;
}

bool Expander::CheckList(const Datum* list, std::string_view what, Items* out) {
  if ((list->IsPair() || list->IsNil()) && ListElements(list, out)) return true;
  Fail(list->span, std::string(what) + " must be a list");
  return false;
}

bool Expander::CheckBindable(const Datum* id, std::string_view what) {
  if (!id->IsSymbol()) {
    Fail(id->span, std::string(what) + " must be a symbol");
    return false;
  }
  if (IsReservedWord(*id->symbol)) {
    Fail(id->span,
         "reserved keyword cannot be used as a " + std::string(what) + ": " + *id->symbol);
    return false;
  }
  return true;
}

bool Expander::CheckDistinct(const Items& ids, std::string_view what) {
  std::unordered_set<Name> seen;
  for (const Datum* id : ids) {
    if (!CheckBindable(id, what)) return false;
    if (seen.insert(id->symbol).second) continue;
    Fail(id->span, "duplicate " + std::string(what) + ": " + *id->symbol);
    return false;
  }
  return true;
}

const Datum* Expander::Fresh(std::string_view base, SourceSpan span) {
  return arena_.Symbol(arena_.Fresh(std::string(base) + "%" + std::to_string(++fresh_count_)),
                       span);
}

const Datum* Expander::Bool(bool value, SourceSpan span) {
  Datum* datum = arena_.New(Datum::Kind::kBool, span);
  datum->boolean = value;
  return datum;
}

const Datum* Expander::Integer(int64_t value, SourceSpan span) {
  Datum* datum = arena_.New(Datum::Kind::kInt, span);
  datum->integer = value;
  return datum;
}

const Datum* Expander::Vector(Items elements, SourceSpan span) {
  Datum* vector = arena_.New(Datum::Kind::kVector, span);
  vector->elements = std::move(elements);
  return vector;
}

const Datum* Expander::Quote(const Datum* datum) {
  if (HasAlias(datum)) datum = WithoutAliases(datum);
  return datum ? Core("quote", {datum}, datum->span) : nullptr;
}

const Datum* Expander::Core(std::string_view head, Items items, SourceSpan span) {
  items.insert(items.begin(), Symbol(head, span));
  return List(items, span);
}

const Datum* Expander::CallBuiltin(std::string_view name, Items operands, SourceSpan span) {
  operands.insert(operands.begin(), Core("%builtin", {Symbol(name, span)}, span));
  return List(operands, span);
}

const Datum* Expander::Begin(const Items& forms, SourceSpan span) {
  if (forms.empty()) return Nil(span);
  return forms.size() == 1 ? forms[0] : Core("begin", forms, span);
}

const Datum* Expander::Let1(const Datum* id, const Datum* init, const Datum* body,
                            SourceSpan span) {
  const Datum* binding = List({id, init}, span);
  return Core("let", {List({binding}, span), body}, span);
}

const Datum* Expander::Expand(const Datum* datum) {
  if (datum->IsSymbol()) return ExpandVariable(datum);
  if (!datum->IsPair()) return HasAlias(datum) ? WithoutAliases(datum) : datum;
  const Nesting nesting(*this, datum->span);
  return nesting.ok() ? ExpandPair(datum) : nullptr;
}

const Datum* Expander::ExpandVariable(const Datum* symbol) {
  const Meaning meaning = Resolve(symbol->symbol);
  if (meaning.kind == Meaning::Kind::kLocal) return Reference(symbol, meaning);
  const std::string& name = *(meaning.name ? meaning.name : symbol->symbol);
  const char* why = nullptr;
  if (meaning.kind == Meaning::Kind::kMacro) {
    why = " is a macro, not a value";
  } else if (IsReservedWord(name)) {
    const SpecialForm* form = FindSpecialForm(name);
    if (form && !form->procedure.empty()) {
      return Core("%builtin", {Symbol(form->procedure, symbol->span)}, symbol->span);
    }
    why = form ? " is a special form, not a value" : " is reserved";
  }
  if (!why) return Reference(symbol, meaning);
  return Fail(symbol->span, "Undefined symbol: " + name + " (" + name + why + ")");
}

const Datum* Expander::ExpandPair(const Datum* pair) {
  pair = ExpandMacros(pair);
  if (!pair || !pair->IsPair()) return pair ? Expand(pair) : nullptr;
  Items items;
  if (!ListElements(pair, &items)) return Fail(pair->span, "a form must be a proper list");
  const Datum* head = items[0];
  if (head->IsSymbol()) {
    const Meaning meaning = Resolve(head->symbol);
    const bool free = meaning.kind == Meaning::Kind::kTop && !meaning.bound;
    const bool reserved = IsReservedWord(*head->symbol);
    const SpecialForm* form = FindSpecialForm(*head->symbol);
    if (form && (reserved || free || form->name == "apply")) {
      if (form->kind == SpecialForm::Kind::kDefines) {
        return ExpandMisplacedDefinition(*this, pair, items);
      }
      const Datum* expanded = form->expand(*this, pair, items);
      const bool splices = form->kind == SpecialForm::Kind::kSplices;
      return splices && expanded ? Expand(expanded) : expanded;
    }
    if (reserved) {
      return Fail(head->span, "Undefined symbol: " + *head->symbol +
                                  " (reserved, but not part of this version)");
    }
  }
  Items call;
  return ExpandAll(items, 0, &call) ? List(call, pair->span) : nullptr;
}

bool Expander::ExpandAll(const Items& items, size_t begin, Items* out) {
  for (size_t i = begin; i < items.size(); ++i) {
    const Datum* form = Expand(items[i]);
    if (!form) return false;
    out->push_back(form);
  }
  return true;
}

const Datum* Expander::ExpandSequence(const Items& items, size_t begin, SourceSpan span) {
  Items forms;
  return ExpandAll(items, begin, &forms) ? Begin(forms, span) : nullptr;
}

}  // namespace eta
