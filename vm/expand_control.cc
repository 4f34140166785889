// Forms that decide what runs: if and its relatives, calls of a special kind, catch and raise.
#include <utility>

#include "vm/expander.h"
#include "vm/value.h"

namespace eta {
namespace {

bool IsHeadedBy(const Datum* datum, std::string_view head) {
  return datum->IsPair() && IsSymbolNamed(datum->Car(), head);
}

// The symbol in 'symbol or (quote symbol); null for anything else.
const Datum* QuotedSymbol(const Datum* datum) {
  Items items;
  const bool quoted =
      IsHeadedBy(datum, "quote") && ListElements(datum, &items) && items.size() == 2;
  return quoted && items[1]->IsSymbol() ? items[1] : nullptr;
}

// A form whose operands are all expressions.
const Datum* ExpandOperands(Expander& expander, std::string_view head, const Datum* form,
                            const Items& items) {
  Items operands;
  if (!expander.ExpandAll(items, 1, &operands)) return nullptr;
  return expander.Core(head, std::move(operands), form->span);
}

// catch and raise: (head form) or (head 'tag form).
const Datum* ExpandTagged(Expander& expander, const Datum* form, const Items& items,
                          std::string_view usage) {
  if (!expander.CheckSize(form, items, 2, 3, usage)) return nullptr;
  const std::string& head = *items[0]->symbol;
  const Datum* tag = expander.Bool(false, form->span);
  if (items.size() == 3) {
    const Datum* symbol = QuotedSymbol(items[1]);
    if (!symbol) {
      return expander.Fail(items[1]->span, head + ": the tag must be a quoted symbol");
    }
    tag = expander.Quote(symbol);
  }
  const Datum* body = expander.Expand(items.back());
  return body ? expander.Core(head, {tag, body}, form->span) : nullptr;
}

const Datum* ExpandConditional(Expander& expander, const Datum* form, const Items& items,
                               bool when_true) {
  const char* usage = when_true ? "(when test form...)" : "(unless test form...)";
  if (!expander.CheckSize(form, items, 2, SIZE_MAX, usage)) return nullptr;
  const Datum* test = expander.ExpandTest(items[1]);
  const Datum* body = test ? expander.ExpandSequence(items, 2, form->span) : nullptr;
  if (!body) return nullptr;
  const Datum* nothing = expander.Nil(form->span);
  return expander.If(test, when_true ? body : nothing, when_true ? nothing : body, form->span);
}

// A clause of cond or case with its parts expanded.
struct Clause {
  enum class Kind { kBody, kTest, kArrow, kElse };
  Kind kind = Kind::kBody;
  const Datum* test = nullptr;  // not for kElse
  const Datum* body = nullptr;  // not for kTest; the procedure of kArrow
  SourceSpan span;
};

bool ParseElse(Expander& expander, const Items& parts, bool last, Clause* out) {
  if (!last) {
    expander.Fail(out->span, "else must be the last clause");
    return false;
  }
  if (parts.size() == 1) {
    expander.Fail(out->span, "else needs a body");
    return false;
  }
  out->kind = Clause::Kind::kElse;
  out->body = expander.ExpandSequence(parts, 1, out->span);
  return out->body != nullptr;
}

bool ParseCondClause(Expander& expander, const Datum* datum, bool last, Clause* out) {
  Items parts;
  out->span = datum->span;
  if (!expander.CheckList(datum, "a clause of cond", &parts)) return false;
  if (parts.empty()) {
    expander.Fail(datum->span, "a clause of cond must be (test form...)");
    return false;
  }
  if (expander.IsKeyword(parts[0], "else")) return ParseElse(expander, parts, last, out);
  const bool arrow = parts.size() > 1 && expander.IsKeyword(parts[1], "=>");
  if (arrow && parts.size() != 3) {
    expander.Fail(datum->span, "a clause of cond with => must be (test => procedure)");
    return false;
  }
  out->kind = arrow               ? Clause::Kind::kArrow
              : parts.size() == 1 ? Clause::Kind::kTest
                                  : Clause::Kind::kBody;
  out->test =
      out->kind == Clause::Kind::kBody ? expander.ExpandTest(parts[0]) : expander.Expand(parts[0]);
  if (!out->test || parts.size() == 1) return out->test != nullptr;
  out->body = arrow ? expander.Expand(parts[2]) : expander.ExpandSequence(parts, 1, datum->span);
  return out->body != nullptr;
}

// `clause`, with `otherwise` for when it does not apply.
const Datum* ChainClause(Expander& expander, const Clause& clause, const Datum* otherwise) {
  if (clause.kind == Clause::Kind::kElse) return clause.body;
  if (clause.kind == Clause::Kind::kBody) {
    return expander.If(clause.test, clause.body, otherwise, clause.span);
  }
  const Datum* value = expander.Fresh("test", clause.span);
  const Datum* taken =
      clause.kind == Clause::Kind::kTest ? value : expander.List({clause.body, value}, clause.span);
  return expander.Let1(value, clause.test, expander.If(value, taken, otherwise, clause.span),
                       clause.span);
}

const Datum* ChainClauses(Expander& expander, const std::vector<Clause>& clauses, SourceSpan span) {
  const Datum* result = expander.Nil(span);
  for (size_t i = clauses.size(); i-- > 0;) result = ChainClause(expander, clauses[i], result);
  return result;
}

// The predicate that does what eqv? would for this datum: only large integers are not words.
std::string_view EqualityFor(const Datum* datum) {
  const bool boxed = datum->kind == Datum::Kind::kInt && !Value::FitsInt(datum->integer);
  return boxed ? "eqv?" : "eq?";
}

// Whether `key` is one of `data`.
const Datum* CaseTest(Expander& expander, const Datum* key, const Items& data) {
  const Datum* test = nullptr;
  for (size_t i = data.size(); i-- > 0;) {
    const SourceSpan span = data[i]->span;
    const Datum* equal =
        expander.CallBuiltin(EqualityFor(data[i]), {key, expander.Quote(data[i])}, span);
    test = test ? expander.If(equal, expander.Bool(true, span), test, span) : equal;
  }
  return test;
}

// `=> procedure` of case: called with the key.
bool ParseArrow(Expander& expander, const Datum* key, const Datum* procedure, Clause* out) {
  const Datum* expanded = expander.Expand(procedure);
  out->body = expanded ? expander.List({expanded, key}, out->span) : nullptr;
  return out->body != nullptr;
}

bool ParseCaseClause(Expander& expander, const Datum* key, const Datum* datum, bool last,
                     Clause* out) {
  Items parts, data;
  out->span = datum->span;
  if (!expander.CheckList(datum, "a clause of case", &parts)) return false;
  if (parts.size() < 2) {
    expander.Fail(datum->span, "a clause of case must be ((datum...) form...)");
    return false;
  }
  const bool arrow = parts.size() == 3 && expander.IsKeyword(parts[1], "=>");
  if (expander.IsKeyword(parts[0], "else")) {
    if (!arrow || !last) return ParseElse(expander, parts, last, out);
    out->kind = Clause::Kind::kElse;
    return ParseArrow(expander, key, parts[2], out);
  }
  if (!expander.CheckList(parts[0], "the data of a clause of case", &data)) return false;
  if (data.empty()) {
    expander.Fail(parts[0]->span, "a clause of case needs at least one datum");
    return false;
  }
  out->test = CaseTest(expander, key, data);
  if (arrow) return ParseArrow(expander, key, parts[2], out);
  out->body = expander.ExpandSequence(parts, 1, datum->span);
  return out->body != nullptr;
}

}  // namespace

const Datum* Expander::ExpandTest(const Datum* datum) {
  const bool is_or = IsHeadedBy(datum, "or");
  Items items;
  if ((!is_or && !IsHeadedBy(datum, "and")) || !ListElements(datum, &items) || items.size() < 2) {
    return Expand(datum);
  }
  const Nesting nesting(*this, datum->span);
  Items tests;
  for (size_t i = 1; i < items.size() && nesting.ok(); ++i) {
    tests.push_back(ExpandTest(items[i]));
    if (!tests.back()) return nullptr;
  }
  if (!nesting.ok()) return nullptr;
  const Datum* result = tests.back();
  for (size_t i = tests.size() - 1; i-- > 0;) {
    const SourceSpan span = tests[i]->span;
    result = is_or ? If(tests[i], Bool(true, span), result, span)
                   : If(tests[i], result, Bool(false, span), span);
  }
  return result;
}

ETA_EXPAND_FN(ExpandQuote) {
  if (!expander.CheckSize(form, items, 2, 2, "(quote datum)")) return nullptr;
  return expander.Quote(items[1]);
}

ETA_EXPAND_FN(ExpandIf) {
  if (!expander.CheckSize(form, items, 3, 4, "(if test then else)")) return nullptr;
  const Datum* test = expander.ExpandTest(items[1]);
  const Datum* then = test ? expander.Expand(items[2]) : nullptr;
  if (!then) return nullptr;
  const Datum* otherwise = items.size() == 4 ? expander.Expand(items[3]) : expander.Nil(form->span);
  return otherwise ? expander.If(test, then, otherwise, form->span) : nullptr;
}

ETA_EXPAND_FN(ExpandBegin) { return expander.ExpandSequence(items, 1, form->span); }

ETA_EXPAND_FN(ExpandWhen) { return ExpandConditional(expander, form, items, true); }

ETA_EXPAND_FN(ExpandUnless) { return ExpandConditional(expander, form, items, false); }

ETA_EXPAND_FN(ExpandAnd) {
  if (items.size() == 1) return expander.Bool(true, form->span);
  Items tests;
  if (!expander.ExpandAll(items, 1, &tests)) return nullptr;
  const Datum* result = tests.back();
  for (size_t i = tests.size() - 1; i-- > 0;) {
    result = expander.If(tests[i], result, expander.Bool(false, form->span), form->span);
  }
  return result;
}

ETA_EXPAND_FN(ExpandOr) {
  if (items.size() == 1) return expander.Bool(false, form->span);
  Items tests;
  if (!expander.ExpandAll(items, 1, &tests)) return nullptr;
  const Datum* result = tests.back();
  for (size_t i = tests.size() - 1; i-- > 0;) {
    const Datum* value = expander.Fresh("or", tests[i]->span);
    const Datum* chosen = expander.If(value, value, result, form->span);
    result = expander.Let1(value, tests[i], chosen, form->span);
  }
  return result;
}

ETA_EXPAND_FN(ExpandCond) {
  if (!expander.CheckSize(form, items, 2, SIZE_MAX, "(cond (test form...)...)")) return nullptr;
  std::vector<Clause> clauses(items.size() - 1);
  for (size_t i = 1; i < items.size(); ++i) {
    const bool last = i + 1 == items.size();
    if (!ParseCondClause(expander, items[i], last, &clauses[i - 1])) return nullptr;
  }
  return ChainClauses(expander, clauses, form->span);
}

ETA_EXPAND_FN(ExpandCase) {
  if (!expander.CheckSize(form, items, 3, SIZE_MAX, "(case key ((datum...) form...)...)")) {
    return nullptr;
  }
  const Datum* key_value = expander.Expand(items[1]);
  if (!key_value) return nullptr;
  const Datum* key = expander.Fresh("key", items[1]->span);
  std::vector<Clause> clauses(items.size() - 2);
  for (size_t i = 2; i < items.size(); ++i) {
    const bool last = i + 1 == items.size();
    if (!ParseCaseClause(expander, key, items[i], last, &clauses[i - 2])) return nullptr;
  }
  const Datum* chain = ChainClauses(expander, clauses, form->span);
  return expander.Let1(key, key_value, chain, form->span);
}

ETA_EXPAND_FN(ExpandApply) {
  if (!expander.CheckSize(form, items, 3, SIZE_MAX, "(apply procedure argument... list)")) {
    return nullptr;
  }
  return ExpandOperands(expander, "apply", form, items);
}

ETA_EXPAND_FN(ExpandValues) { return ExpandOperands(expander, "values", form, items); }

ETA_EXPAND_FN(ExpandCallWithValues) {
  if (!expander.CheckSize(form, items, 3, 3, "(call-with-values producer consumer)")) {
    return nullptr;
  }
  return ExpandOperands(expander, "call-with-values", form, items);
}

ETA_EXPAND_FN(ExpandCallCc) {
  if (!expander.CheckSize(form, items, 2, 2, "(call/cc procedure)")) return nullptr;
  return ExpandOperands(expander, "call/cc", form, items);
}

ETA_EXPAND_FN(ExpandDynamicWind) {
  if (!expander.CheckSize(form, items, 4, 4, "(dynamic-wind before thunk after)")) return nullptr;
  return ExpandOperands(expander, "dynamic-wind", form, items);
}

ETA_EXPAND_FN(ExpandCatch) {
  return ExpandTagged(expander, form, items,
                      "(catch 'tag form) or (catch form); several forms go in a begin");
}

// What the library's guard is made of.
ETA_EXPAND_FN(ExpandCatchAny) {
  if (!expander.CheckSize(form, items, 2, 2, "(%catch-any form)")) return nullptr;
  const Datum* body = expander.Expand(items[1]);
  return body ? expander.Core("catch", {expander.Bool(true, form->span), body}, form->span)
              : nullptr;
}

ETA_EXPAND_FN(ExpandWithHandler) {
  if (!expander.CheckSize(form, items, 3, 3, "(%with-handler handler thunk)")) return nullptr;
  return ExpandOperands(expander, "%with-handler", form, items);
}

ETA_EXPAND_FN(ExpandRaise) {
  return ExpandTagged(expander, form, items, "(raise 'tag value) or (raise value)");
}

}  // namespace eta
