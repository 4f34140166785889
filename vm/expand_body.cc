// Definitions, and the bodies in which they may stand.
#include <utility>

#include "vm/expander.h"

namespace eta {
namespace {

bool HeadIs(const Datum* datum, std::string_view name) {
  return datum->IsPair() && IsSymbolNamed(datum->Car(), name);
}

}  // namespace

bool Expander::IsDefinition(const Datum* datum) const {
  return HeadIs(datum, "define") || HeadIs(datum, "def") || HeadIs(datum, "defun");
}

bool Expander::IsSequence(const Datum* datum) const {
  return HeadIs(datum, "begin") || HeadIs(datum, "progn");
}

bool Expander::IsSyntaxDefinition(const Datum* datum) const {
  return HeadIs(datum, "define-syntax");
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

// A body's definitions become one letrec around what follows the last of them. An expression among
// them keeps its place in the order.
class BodyExpander {
 public:
  BodyExpander(Expander& expander, SourceSpan span)
      : expander_(expander), scope_(expander), span_(span) {}

  bool Run(const Items& items, size_t begin, Items* out) {
    for (size_t i = begin; i < items.size(); ++i) {
      if (!Scan(items[i])) return false;
    }
    if (definitions_end_ == forms_.size()) {
      expander_.Fail(span_, forms_.empty() ? "a body needs at least one expression"
                                           : "a body needs an expression after its definitions");
      return false;
    }
    return definitions_end_ == 0 ? ExpandRest(out) : ExpandLetrec(out);
  }

 private:
  // Finds out what a form is, and what it defines, before any expression is expanded.
  bool Scan(const Datum* form) {
    form = expander_.ExpandHead(form);
    if (!form) return false;
    if (expander_.IsSequence(form)) return ScanSequence(form);
    if (expander_.IsSyntaxDefinition(form)) {
      return expander_.ParseSyntaxDefinition(form, &scope_.Open());
    }
    Expander::Definition definition{.id = nullptr, .value = form, .span = form->span};
    if (expander_.IsDefinition(form)) {
      definition.value = nullptr;
      if (!expander_.ParseDefinition(form, &definition) || !Bind(&definition)) return false;
      definitions_end_ = forms_.size() + 1;
    }
    forms_.push_back(std::move(definition));
    return true;
  }

  // The definitions of a `begin` count as the body's own.
  bool ScanSequence(const Datum* form) {
    Items inner;
    const Expander::Nesting nesting(expander_, form->span);
    if (!nesting.ok() || !expander_.CheckList(form, "a form", &inner)) return false;
    for (size_t i = 1; i < inner.size(); ++i) {
      if (!Scan(inner[i])) return false;
    }
    if (inner.size() == 1) {
      const Datum* nothing = expander_.Nil(form->span);
      forms_.push_back({.id = nullptr, .value = nothing, .span = form->span});
    }
    return true;
  }

  bool Bind(Expander::Definition* definition) {
    const Datum* id = definition->id;
    if (scope_.Open().Find(id->symbol)) {
      expander_.Fail(id->span, "duplicate definition: " + *id->symbol);
      return false;
    }
    definition->id = scope_.Bind({id})[0];
    return true;
  }

  bool ExpandLetrec(Items* out) {
    Items bindings;
    for (size_t i = 0; i < definitions_end_; ++i) {
      const Expander::Definition& form = forms_[i];
      const Datum* value = expander_.DefinitionValue(form);
      if (!value) return false;
      const Datum* id = form.id ? form.id : expander_.Fresh("ignored", form.span);
      bindings.push_back(expander_.List({id, value}, form.span));
    }
    Items parts{expander_.List(bindings, span_)};
    if (!ExpandRest(&parts)) return false;
    out->push_back(expander_.Core("letrec", std::move(parts), span_));
    return true;
  }

  bool ExpandRest(Items* out) {
    for (size_t i = definitions_end_; i < forms_.size(); ++i) {
      const Datum* form = expander_.Expand(forms_[i].value);
      if (!form) return false;
      out->push_back(form);
    }
    return true;
  }

  Expander& expander_;
  Expander::Scope scope_;
  const SourceSpan span_;
  std::vector<Expander::Definition> forms_;  // expressions have no id
  size_t definitions_end_ = 0;
};

bool Expander::ExpandBody(const Items& items, size_t begin, SourceSpan span, Items* out) {
  return BodyExpander(*this, span).Run(items, begin, out);
}

}  // namespace eta
