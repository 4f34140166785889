// Forms that bind and assign: lambda, the let family, do, set!.
#include <utility>

#include "vm/expander.h"

namespace eta {
namespace {

struct Bindings {
  Items ids;
  Items inits;  // not expanded
};

// ((id init)...)
bool ParseBindings(Expander& expander, const Datum* list, Bindings* out) {
  Items bindings;
  if (!expander.CheckList(list, "the bindings", &bindings)) return false;
  for (const Datum* binding : bindings) {
    Items parts;
    if (!binding->IsPair() || !ListElements(binding, &parts) || parts.size() != 2) {
      expander.Fail(binding->span, "a binding must be (name value)");
      return false;
    }
    out->ids.push_back(parts[0]);
    out->inits.push_back(parts[1]);
  }
  return true;
}

// ((id init)...) of expanded inits
const Datum* MakeBindings(Expander& expander, const Items& ids, const Items& inits,
                          SourceSpan span) {
  Items bindings;
  for (size_t i = 0; i < ids.size(); ++i) {
    bindings.push_back(expander.List({ids[i], inits[i]}, ids[i]->span));
  }
  return expander.List(bindings, span);
}

// ((letrec ((name procedure)) name) init...)
const Datum* MakeLoop(Expander& expander, const Datum* name, const Datum* procedure, Items inits,
                      SourceSpan span) {
  const Datum* bindings = MakeBindings(expander, {name}, {procedure}, span);
  inits.insert(inits.begin(), expander.Core("letrec", {bindings, name}, span));
  return expander.List(inits, span);
}

const Datum* ExpandNamedLet(Expander& expander, const Datum* form, const Items& items) {
  if (!expander.CheckSize(form, items, 4, SIZE_MAX, "(let name ((id value)...) body...)")) {
    return nullptr;
  }
  const Datum* name = items[1];
  Bindings bindings;
  Items inits;
  if (!expander.CheckBindable(name, "loop name") || !ParseBindings(expander, items[2], &bindings) ||
      !expander.ExpandAll(bindings.inits, 0, &inits)) {
    return nullptr;
  }
  for (const Datum* id : bindings.ids) {
    if (id->IsSymbol(name->symbol)) {
      return expander.Fail(id->span,
                           "a parameter cannot have the name of the loop: " + *name->symbol);
    }
  }
  Expander::Scope scope(expander);
  const Datum* loop = scope.Bind({name})[0];
  const Datum* formals = expander.List(bindings.ids, items[2]->span);
  const Datum* procedure = expander.MakeLambda(formals, items, 3, form->span);
  return procedure ? MakeLoop(expander, loop, procedure, std::move(inits), form->span) : nullptr;
}

struct DoVariables {
  Items ids;
  Items inits;  // expanded
  Items steps;  // not expanded; the id itself where there is none
};

bool ParseDoVariables(Expander& expander, const Datum* list, DoVariables* out) {
  Items variables;
  if (!expander.CheckList(list, "the variables of do", &variables)) return false;
  for (const Datum* variable : variables) {
    Items parts;
    if (!variable->IsPair() || !ListElements(variable, &parts) || parts.size() < 2 ||
        parts.size() > 3) {
      expander.Fail(variable->span, "a variable of do must be (name init) or (name init step)");
      return false;
    }
    const Datum* init = expander.Expand(parts[1]);
    if (!init) return false;
    out->ids.push_back(parts[0]);
    out->inits.push_back(init);
    out->steps.push_back(parts.size() == 3 ? parts[2] : parts[0]);
  }
  return expander.CheckDistinct(out->ids, "variable");
}

}  // namespace

const Datum* Expander::MakeLambda(const Datum* formals, const Items& items, size_t begin,
                                  SourceSpan span) {
  Items ids;
  const Datum* rest = formals;
  for (; rest->IsPair(); rest = rest->Cdr()) ids.push_back(rest->Car());
  if (!rest->IsNil()) ids.push_back(rest);
  if (!CheckDistinct(ids, "parameter")) return nullptr;
  Scope scope(*this);
  Items variables = scope.Bind(ids);
  const Datum* parameters = rest;
  if (!rest->IsNil()) {
    parameters = variables.back();
    variables.pop_back();
  }
  for (size_t i = variables.size(); i-- > 0;) {
    parameters = Pair(variables[i], parameters, formals->span);
  }
  Items parts{parameters};
  return ExpandBody(items, begin, span, &parts) ? Core("lambda", std::move(parts), span) : nullptr;
}

ETA_EXPAND_FN(ExpandLambda) {
  if (!expander.CheckSize(form, items, 3, SIZE_MAX, "(lambda (parameter...) body...)")) {
    return nullptr;
  }
  return expander.MakeLambda(items[1], items, 2, form->span);
}

ETA_EXPAND_FN(ExpandLet) {
  if (items.size() > 1 && items[1]->IsSymbol()) return ExpandNamedLet(expander, form, items);
  Bindings bindings;
  Items inits;
  if (!expander.CheckSize(form, items, 3, SIZE_MAX, "(let ((name value)...) body...)") ||
      !ParseBindings(expander, items[1], &bindings) ||
      !expander.CheckDistinct(bindings.ids, "variable") ||
      !expander.ExpandAll(bindings.inits, 0, &inits)) {
    return nullptr;
  }
  Expander::Scope scope(expander);
  const Items variables = scope.Bind(bindings.ids);
  Items body;
  if (!expander.ExpandBody(items, 2, form->span, &body)) return nullptr;
  if (inits.empty()) return expander.Begin(body, form->span);
  body.insert(body.begin(), MakeBindings(expander, variables, inits, items[1]->span));
  return expander.Core("let", std::move(body), form->span);
}

ETA_EXPAND_FN(ExpandLetStar) {
  Bindings bindings;
  if (!expander.CheckSize(form, items, 3, SIZE_MAX, "(let* ((name value)...) body...)") ||
      !ParseBindings(expander, items[1], &bindings)) {
    return nullptr;
  }
  for (const Datum* id : bindings.ids) {
    if (!expander.CheckBindable(id, "variable")) return nullptr;
  }
  Expander::Scope scope(expander);
  Items variables, inits, body;
  for (size_t i = 0; i < bindings.ids.size(); ++i) {
    inits.push_back(expander.Expand(bindings.inits[i]));
    if (!inits.back()) return nullptr;
    variables.push_back(scope.Bind({bindings.ids[i]})[0]);
  }
  if (!expander.ExpandBody(items, 2, form->span, &body)) return nullptr;
  const Datum* result = expander.Begin(body, form->span);
  for (size_t i = inits.size(); i-- > 0;) {
    result = expander.Let1(variables[i], inits[i], result, form->span);
  }
  return result;
}

ETA_EXPAND_FN(ExpandLetrec) {
  Bindings bindings;
  if (!expander.CheckSize(form, items, 3, SIZE_MAX, "(letrec ((name value)...) body...)") ||
      !ParseBindings(expander, items[1], &bindings) ||
      !expander.CheckDistinct(bindings.ids, "variable")) {
    return nullptr;
  }
  Expander::Scope scope(expander);
  const Items variables = scope.Bind(bindings.ids);
  Items inits, body;
  if (!expander.ExpandAll(bindings.inits, 0, &inits) ||
      !expander.ExpandBody(items, 2, form->span, &body)) {
    return nullptr;
  }
  if (inits.empty()) return expander.Begin(body, form->span);
  body.insert(body.begin(), MakeBindings(expander, variables, inits, items[1]->span));
  return expander.Core("letrec", std::move(body), form->span);
}

// (do ((id init [step])...) (test result...) body...)
ETA_EXPAND_FN(ExpandDo) {
  DoVariables variables;
  Items end;
  if (!expander.CheckSize(form, items, 3, SIZE_MAX,
                          "(do ((name init step)...) (test result...) body...)") ||
      !ParseDoVariables(expander, items[1], &variables) ||
      !expander.CheckList(items[2], "the end test of do", &end)) {
    return nullptr;
  }
  if (end.empty()) return expander.Fail(items[2]->span, "the end of do must be (test result...)");
  Expander::Scope scope(expander);
  const Items parameters = scope.Bind(variables.ids);
  const Datum* test = expander.ExpandTest(end[0]);
  if (!test) return nullptr;
  const Datum* result = expander.ExpandSequence(end, 1, items[2]->span);
  const Datum* loop = expander.Fresh("do", form->span);
  Items turn, next{loop};
  if (!result || !expander.ExpandAll(items, 3, &turn) ||
      !expander.ExpandAll(variables.steps, 0, &next)) {
    return nullptr;
  }
  turn.push_back(expander.List(next, form->span));
  const Datum* body = expander.If(test, result, expander.Begin(turn, form->span), form->span);
  const Datum* formals = expander.List(parameters, items[1]->span);
  const Datum* procedure = expander.Core("lambda", {formals, body}, form->span);
  return MakeLoop(expander, loop, procedure, std::move(variables.inits), form->span);
}

ETA_EXPAND_FN(ExpandSet) {
  if (!expander.CheckSize(form, items, 3, 3, "(set! name value)") ||
      !expander.CheckBindable(items[1], "variable")) {
    return nullptr;
  }
  const Meaning meaning = expander.Resolve(items[1]->symbol);
  if (meaning.kind == Meaning::Kind::kMacro) {
    return expander.Fail(items[1]->span, "set!: " + *items[1]->symbol + " is a macro");
  }
  const Datum* variable = expander.Reference(items[1], meaning);
  if (!variable->IsSymbol()) {
    return expander.Fail(form->span, "Cannot assign to immutable variable: " + *items[1]->symbol);
  }
  const Datum* value = expander.Expand(items[2]);
  return value ? expander.Core("set!", {variable, value}, form->span) : nullptr;
}

ETA_EXPAND_FN(ExpandMisplacedDefinition) {
  return expander.Fail(form->span, *items[0]->symbol +
                                       " is not allowed here: only at top level or directly in a "
                                       "body");
}

}  // namespace eta
