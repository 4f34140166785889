// Quasiquote, with the levels of R7RS: an unquote belongs to the innermost quasiquote around it.
#include <algorithm>
#include <utility>

#include "vm/expander.h"

namespace eta {
namespace {

// So many operands a call of list or append may have here; longer lists are put together in steps.
constexpr size_t kMaxOperands = 32;

class Quasiquoter {
 public:
  explicit Quasiquoter(Expander& expander) : expander_(expander) {}

  // Null: failed.
  const Datum* Expand(const Datum* quoted) { return Template(quoted, 1).form; }

 private:
  // What makes a piece of the result.
  struct Part {
    const Datum* form = nullptr;  // null: failed
    bool constant = false;        // nothing in it is unquoted; `form` quotes the piece itself
  };

  Part Constant(const Datum* datum) { return {expander_.Quote(datum), true}; }

  // The operand of (head operand); null for anything else.
  static const Datum* Operand(const Datum* datum, std::string_view head) {
    if (!datum->IsPair() || !IsSymbolNamed(datum->Car(), head)) return nullptr;
    const Datum* rest = datum->Cdr();
    return rest->IsPair() && rest->Cdr()->IsNil() ? rest->Car() : nullptr;
  }

  Part Template(const Datum* datum, int level) {
    const Expander::Nesting nesting(expander_, datum->span);
    return nesting.ok() ? TemplateHere(datum, level) : Part{};
  }

  Part TemplateHere(const Datum* datum, int level) {
    if (datum->kind == Datum::Kind::kVector) return Vector(datum, level);
    if (!datum->IsPair()) return Constant(datum);
    if (const Datum* operand = Operand(datum, "unquote")) {
      if (level == 1) return {expander_.Expand(operand)};
      return Nested("unquote", operand, level - 1, datum);
    }
    if (const Datum* operand = Operand(datum, "unquote-splicing")) {
      if (level == 1) return {expander_.Fail(datum->span, "unquote-splicing outside a list")};
      return Nested("unquote-splicing", operand, level - 1, datum);
    }
    if (const Datum* operand = Operand(datum, "quasiquote")) {
      return Nested("quasiquote", operand, level + 1, datum);
    }
    return List(datum, level);
  }

  // A quasiquote or unquote that stays in the result.
  Part Nested(std::string_view head, const Datum* operand, int level, const Datum* datum) {
    const Part inner = Template(operand, level);
    if (!inner.form) return {};
    if (inner.constant) return Constant(datum);
    const Datum* symbol = expander_.Quote(expander_.Symbol(head, datum->span));
    return {expander_.CallBuiltin("list", {symbol, inner.form}, datum->span)};
  }

  Part Vector(const Datum* vector, int level) {
    const Part list = Template(expander_.List(vector->elements, vector->span), level);
    if (!list.form) return {};
    if (list.constant) return Constant(vector);
    const Datum* maker =
        expander_.Core("%builtin", {expander_.Symbol("vector", vector->span)}, vector->span);
    return {expander_.Core("apply", {maker, list.form}, vector->span)};
  }

  // Puts the list together from runs of elements and spliced lists, all of them to be appended.
  Part List(const Datum* list, int level) {
    Items lists, run;
    bool constant = true;
    const Datum* rest = list;
    for (; rest->IsPair() && (rest == list || !IsDottedMark(rest)); rest = rest->Cdr()) {
      const Datum* spliced = level == 1 ? Operand(rest->Car(), "unquote-splicing") : nullptr;
      const Part part = spliced ? Part{expander_.Expand(spliced)} : Template(rest->Car(), level);
      if (!part.form) return {};
      constant &= part.constant;
      if (spliced || run.size() == kMaxOperands) FlushRun(&run, &lists);
      (spliced ? lists : run).push_back(part.form);
    }
    const Part tail = Template(rest, level);
    if (!tail.form) return {};
    if (constant && tail.constant) return Constant(list);
    if (run.size() == 1 && !rest->IsNil()) {
      lists.push_back(expander_.CallBuiltin("cons", {run[0], tail.form}, list->span));
    } else {
      FlushRun(&run, &lists);
      if (!rest->IsNil()) lists.push_back(tail.form);
    }
    return {Append(std::move(lists), list->span)};
  }

  // `(a . ,b)` reads as (a unquote b).
  static bool IsDottedMark(const Datum* rest) {
    return Operand(rest, "unquote") || Operand(rest, "quasiquote");
  }

  void FlushRun(Items* run, Items* lists) {
    if (run->empty()) return;
    const SourceSpan span = run->front()->span;
    lists->push_back(expander_.CallBuiltin("list", std::exchange(*run, {}), span));
  }

  const Datum* Append(Items lists, SourceSpan span) {
    while (lists.size() > 1) {
      Items fewer;
      for (size_t i = 0; i < lists.size(); i += kMaxOperands) {
        const size_t end = std::min(lists.size(), i + kMaxOperands);
        Items some(lists.begin() + i, lists.begin() + end);
        fewer.push_back(some.size() == 1 ? some[0]
                                         : expander_.CallBuiltin("append", std::move(some), span));
      }
      lists = std::move(fewer);
    }
    return lists[0];
  }

  Expander& expander_;
};

}  // namespace

ETA_EXPAND_FN(ExpandQuasiquote) {
  if (!expander.CheckSize(form, items, 2, 2, "(quasiquote template)")) return nullptr;
  return Quasiquoter(expander).Expand(items[1]);
}

ETA_EXPAND_FN(ExpandMisplacedUnquote) {
  return expander.Fail(form->span, *items[0]->symbol + " outside quasiquote");
}

}  // namespace eta
