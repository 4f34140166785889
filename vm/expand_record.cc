// Forms that make several definitions: define-record-type, define-values. They rewrite to (begin
// (define ...)...); what they introduce is referred to by aliases of the library.
#include <algorithm>
#include <utility>

#include "vm/expander.h"

namespace eta {
namespace {

// A record is a vector: its tag, then the fields in the order of the constructor, then the others.
class RecordType {
 public:
  RecordType(Expander& expander, const Datum* form) : expander_(expander), span_(form->span) {}

  // (define-record-type name (constructor field...) predicate (field accessor [mutator])...)
  const Datum* Expand(const Datum* form, const Items& items) {
    if (!expander_.CheckSize(form, items, 4, SIZE_MAX,
                             "(define-record-type name (constructor field...) predicate "
                             "(field accessor [mutator])...)") ||
        !ParseHead(items) || !CollectFields(items)) {
      return nullptr;
    }
    DefineType(items[1]);
    if (constructor_) DefineConstructor();
    if (items[3]->IsSymbol()) DefinePredicate(items[3]);
    for (size_t i = 4; i < items.size(); ++i) DefineAccess(items[i]);
    return expander_.Core("begin", std::move(definitions_), span_);
  }

 private:
  // Names and constructor; `#f` stands for no constructor or predicate, a symbol for a constructor
  // of all fields.
  bool ParseHead(const Items& items) {
    if (!expander_.CheckBindable(items[1], "record type")) return false;
    if (!items[3]->IsSymbol() && items[3]->kind != Datum::Kind::kBool) {
      expander_.Fail(items[3]->span, "define-record-type: the predicate must be a symbol");
      return false;
    }
    if (items[2]->kind == Datum::Kind::kBool) return true;
    if (items[2]->IsSymbol()) {
      constructor_ = items[2];
      all_fields_ = true;
      return true;
    }
    Items parts;
    if (!expander_.CheckList(items[2], "the constructor", &parts)) return false;
    if (!expander_.CheckDistinct(parts, "field")) return false;
    if (parts.empty()) {
      expander_.Fail(items[2]->span, "define-record-type: the constructor needs a name");
      return false;
    }
    constructor_ = parts[0];
    parameters_.assign(parts.begin() + 1, parts.end());
    fields_ = parameters_;
    return true;
  }

  bool CollectFields(const Items& items) {
    for (size_t i = 4; i < items.size(); ++i) {
      Items parts;
      if (!expander_.CheckList(items[i], "a field", &parts)) return false;
      if (parts.empty() || parts.size() > 3) {
        expander_.Fail(items[i]->span,
                       "define-record-type: a field must be (field accessor [mutator])");
        return false;
      }
      for (const Datum* part : parts) {
        if (!expander_.CheckBindable(part, "field")) return false;
      }
      if (!IndexOf(parts[0])) fields_.push_back(parts[0]);
    }
    if (all_fields_) parameters_ = fields_;
    return true;
  }

  // The place of a field in the vector; 0: there is none of that name.
  size_t IndexOf(const Datum* field) const {
    const auto found = std::find_if(fields_.begin(), fields_.end(), [&](const Datum* known) {
      return known->symbol == field->symbol;
    });
    return found == fields_.end() ? 0 : static_cast<size_t>(found - fields_.begin()) + 1;
  }

  const Datum* Library(std::string_view name) { return expander_.LibraryName(name, span_); }
  const Datum* Call(std::string_view name, Items operands) {
    operands.insert(operands.begin(), Library(name));
    return expander_.List(operands, span_);
  }
  const Datum* Index(size_t index) { return expander_.Integer(static_cast<int64_t>(index), span_); }

  void Define(const Datum* name, const Items& formals, const Datum* body) {
    const Datum* head = expander_.Pair(name, expander_.List(formals, span_), span_);
    definitions_.push_back(expander_.Core("define", {head, body}, span_));
  }

  void DefineType(const Datum* name) {
    type_ = Library("tag");
    const Datum* tag = Call("%record-tag", {expander_.Quote(name)});
    definitions_.push_back(expander_.Core("define", {type_, tag}, span_));
  }

  void DefineConstructor() {
    Items operands{type_};
    operands.insert(operands.end(), parameters_.begin(), parameters_.end());
    operands.resize(fields_.size() + 1, expander_.Nil(span_));
    Define(constructor_, parameters_, Call("vector", std::move(operands)));
  }

  void DefinePredicate(const Datum* predicate) {
    const Datum* value = Library("value");
    Define(predicate, {value}, Call("%record-of?", {value, type_}));
  }

  void DefineAccess(const Datum* spec) {
    Items parts;
    ListElements(spec, &parts);
    const size_t index = IndexOf(parts[0]);
    const Datum *record = Library("record"), *value = Library("value");
    if (parts.size() > 1) {
      Define(parts[1], {record}, Call("vector-ref", {record, Index(index)}));
    }
    if (parts.size() > 2) {
      Define(parts[2], {record, value}, Call("vector-set!", {record, Index(index), value}));
    }
  }

  Expander& expander_;
  const SourceSpan span_;
  const Datum* type_ = nullptr;         // a variable of its own, which holds the tag
  const Datum* constructor_ = nullptr;  // its name, or null
  bool all_fields_ = false;
  Items parameters_;  // of the constructor
  Items fields_;      // in the order of the vector
  Items definitions_;
};

}  // namespace

ETA_EXPAND_FN(ExpandDefineRecordType) { return RecordType(expander, form).Expand(form, items); }

// (define-values formals form): a vector of the values, and a definition for each.
ETA_EXPAND_FN(ExpandDefineValues) {
  if (!expander.CheckSize(form, items, 3, 3, "(define-values (name...) form)")) return nullptr;
  const SourceSpan span = form->span;
  Items ids;
  const Datum* rest = items[1];
  for (; rest->IsPair(); rest = rest->Cdr()) ids.push_back(rest->Car());
  if (!rest->IsNil()) ids.push_back(rest);
  if (!expander.CheckDistinct(ids, "definition")) return nullptr;
  const auto list = [&](Items parts) { return expander.List(parts, span); };
  Items vector{expander.LibraryName("vector", span)};
  vector.insert(vector.end(), ids.begin(), ids.end());
  const Datum* consumer = expander.Core("lambda", {items[1], list(std::move(vector))}, span);
  const Datum* producer = expander.Core("lambda", {expander.EmptyList(span), items[2]}, span);
  const Datum* packed = expander.LibraryName("packed", span);
  Items forms{expander.Core(
      "define", {packed, expander.Core("call-with-values", {producer, consumer}, span)}, span)};
  for (size_t i = 0; i < ids.size(); ++i) {
    const Datum* index = expander.Integer(static_cast<int64_t>(i), span);
    const Datum* value = list({expander.LibraryName("vector-ref", span), packed, index});
    forms.push_back(expander.Core("define", {ids[i], value}, span));
  }
  return expander.Core("begin", std::move(forms), span);
}

}  // namespace eta
