#include "vm/expander.h"

#include <utility>

namespace eta {
namespace {

// Expressions may nest this deep. The stages recurse, and replicas run on threads whose stacks are
// small.
constexpr int kMaxDepth = 1000;

}  // namespace

bool IsSymbolNamed(const Datum* datum, std::string_view text) {
  return datum->IsSymbol() && *datum->symbol == text;
}

Expander::Expander(SymbolTable& names, DatumArena& arena) : names_(names), arena_(arena) {}

Expander::Scope::Scope(Expander& expander, const Items& ids) : expander_(expander) {
  for (const Datum* id : ids) {
    names_.push_back(id->symbol);
    ++expander_.shadowed_[id->symbol];
  }
}

Expander::Scope::~Scope() {
  for (Name name : names_) {
    const auto found = expander_.shadowed_.find(name);
    if (--found->second == 0) expander_.shadowed_.erase(found);
  }
}

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
  std::string text = std::string(base) + "%" + std::to_string(++fresh_count_);
  return arena_.Symbol(names_.Fresh(std::move(text)), span);
}

const Datum* Expander::Bool(bool value, SourceSpan span) {
  Datum* datum = arena_.New(Datum::Kind::kBool, span);
  datum->boolean = value;
  return datum;
}

const Datum* Expander::Quote(const Datum* datum) { return Core("quote", {datum}, datum->span); }

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
  if (!datum->IsPair()) return datum;
  const Nesting nesting(*this, datum->span);
  return nesting.ok() ? ExpandPair(datum) : nullptr;
}

const Datum* Expander::ExpandVariable(const Datum* symbol) {
  const std::string& name = *symbol->symbol;
  if (!IsReservedWord(name)) return symbol;
  const char* why = FindSpecialForm(name) ? " is a special form, not a value" : " is reserved";
  return Fail(symbol->span, "Undefined symbol: " + name + " (" + name + why + ")");
}

const Datum* Expander::ExpandPair(const Datum* pair) {
  Items items;
  if (!ListElements(pair, &items)) return Fail(pair->span, "a form must be a proper list");
  const Datum* head = items[0];
  if (head->IsSymbol()) {
    const bool reserved = IsReservedWord(*head->symbol);
    const SpecialForm* form = FindSpecialForm(*head->symbol);
    if (form && (reserved || !IsShadowed(head->symbol) || form->name == "apply")) {
      return form->expand(*this, pair, items);
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

bool Expander::IsDefinition(const Datum* datum) const {
  if (!datum->IsPair()) return false;
  const Datum* head = datum->Car();
  return IsSymbolNamed(head, "define") || IsSymbolNamed(head, "def") ||
         IsSymbolNamed(head, "defun");
}

bool Expander::IsSequence(const Datum* datum) const {
  return datum->IsPair() &&
         (IsSymbolNamed(datum->Car(), "begin") || IsSymbolNamed(datum->Car(), "progn"));
}

bool Expander::ParseDefinition(const Datum* datum, Definition* out) {
  Items items;
  if (!CheckList(datum, "a definition", &items)) return false;
  const bool defun = IsSymbolNamed(items[0], "defun");
  if (!CheckSize(datum, items, defun ? 4 : 3, SIZE_MAX,
                 defun ? "(defun name (parameter...) body...)"
                       : "(define name value) or (define (name parameter...) body...)")) {
    return false;
  }
  out->span = datum->span;
  out->id = items[1];
  if (defun) {
    out->formals = items[2];
    out->begin = 3;
  } else if (items[1]->IsPair()) {
    out->id = items[1]->Car();
    out->formals = items[1]->Cdr();
    out->begin = 2;
  } else {
    out->value = items[2];  // and what follows it is dropped
  }
  out->items = std::move(items);
  return CheckBindable(out->id, "definition");
}

const Datum* Expander::DefinitionValue(const Definition& definition) {
  if (definition.value) return Expand(definition.value);
  return MakeLambda(definition.formals, definition.items, definition.begin, definition.span);
}

// Flattens `begin`s, so that their definitions count as the body's own.
bool Expander::SpliceBody(const Items& items, size_t begin, Items* out) {
  for (size_t i = begin; i < items.size(); ++i) {
    Items inner;
    if (!IsSequence(items[i])) {
      out->push_back(items[i]);
    } else if (!CheckList(items[i], "a form", &inner)) {
      return false;
    } else if (inner.size() == 1) {
      out->push_back(Nil(items[i]->span));
    } else {
      const Nesting nesting(*this, items[i]->span);
      if (!nesting.ok() || !SpliceBody(inner, 1, out)) return false;
    }
  }
  return true;
}

bool Expander::ExpandBody(const Items& items, size_t begin, SourceSpan span, Items* out) {
  Items body;
  if (!SpliceBody(items, begin, &body)) return false;
  size_t definitions_end = 0;
  for (size_t i = 0; i < body.size(); ++i) {
    if (IsDefinition(body[i])) definitions_end = i + 1;
  }
  if (definitions_end == body.size()) {
    Fail(span, body.empty() ? "a body needs at least one expression"
                            : "a body needs an expression after its definitions");
    return false;
  }
  if (definitions_end == 0) return ExpandAll(body, 0, out);
  return ExpandDefinitions(body, definitions_end, span, out);
}

// The first `count` forms of `body` end in a definition; they become one letrec around the rest. An
// expression among them keeps its place in the order.
bool Expander::ExpandDefinitions(const Items& body, size_t count, SourceSpan span, Items* out) {
  std::vector<Definition> definitions(count);
  Items ids;
  for (size_t i = 0; i < count; ++i) {
    if (IsDefinition(body[i])) {
      if (!ParseDefinition(body[i], &definitions[i])) return false;
    } else {
      definitions[i].id = Fresh("ignored", body[i]->span);
      definitions[i].value = body[i];
      definitions[i].span = body[i]->span;
    }
    ids.push_back(definitions[i].id);
  }
  if (!CheckDistinct(ids, "definition")) return false;
  const Scope scope(*this, ids);
  Items bindings;
  for (const Definition& definition : definitions) {
    const Datum* value = DefinitionValue(definition);
    if (!value) return false;
    bindings.push_back(List({definition.id, value}, definition.span));
  }
  Items parts{List(bindings, span)};
  if (!ExpandAll(body, count, &parts)) return false;
  out->push_back(Core("letrec", std::move(parts), span));
  return true;
}

}  // namespace eta
