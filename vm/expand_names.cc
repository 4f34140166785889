// What names mean: environments, aliases, and the heads that are macros.
#include <utility>

#include "vm/expander.h"
#include "vm/macro_library.h"

namespace eta {
namespace {

// So many rewritings one form may take before its macros count as endless.
constexpr int kMaxRewritings = 10000;

}  // namespace

Environment* Expander::NewEnvironment(Environment::Kind kind, size_t module) {
  const Environment* outer = kind == Environment::Kind::kLocal ? env_ : nullptr;
  return &environments_.emplace_back(kind, outer, this, module);
}

Items Expander::Scope::Bind(const Items& ids) {
  Environment& contour = Open();
  Items variables;
  for (const Datum* id : ids) {
    const Name variable = expander_.arena_.Fresh(*id->symbol);
    contour.Bind(id->symbol, {.variable = variable});
    variables.push_back(expander_.arena_.Symbol(variable, id->span));
  }
  return variables;
}

Environment& Expander::Scope::Open() {
  if (!open_) expander_.env_ = expander_.NewEnvironment(Environment::Kind::kLocal);
  open_ = true;
  return *expander_.env_;
}

Meaning Expander::Resolve(Name id, const Environment* env) const {
  while (true) {
    const Environment* top = env;
    for (const Environment* contour = env; contour; contour = contour->outer()) {
      top = contour;
      const Environment::Entry* entry = contour->Find(id);
      if (!entry) continue;
      if (entry->macro) return {Meaning::Kind::kMacro, id, entry->macro};
      const bool local = contour->kind() == Environment::Kind::kLocal;
      if (local) return {Meaning::Kind::kLocal, entry->variable};
      return {Meaning::Kind::kTop, entry->variable, nullptr, contour, true, entry->imported};
    }
    const auto alias = aliases_.find(id);
    if (alias == aliases_.end()) return ResolveFree(id, top);
    id = alias->second.name;
    env = alias->second.environment;
  }
}

// A name that nothing around it binds.
Meaning Expander::ResolveFree(Name id, const Environment* top) const {
  const Macro* macro = nullptr;
  if (top->kind() == Environment::Kind::kModule) {
    const auto found = file_macros_.find(id);
    if (found != file_macros_.end()) macro = found->second;
  }
  if (!macro && library_) macro = library_->Find(id);
  if (macro) return {Meaning::Kind::kMacro, id, macro};
  return {Meaning::Kind::kTop, id, nullptr, top, false};
}

bool Expander::IsKeyword(const Datum* datum, std::string_view text) const {
  if (!IsSymbolNamed(datum, text)) return false;
  const Meaning meaning = Resolve(datum->symbol);
  return meaning.kind == Meaning::Kind::kTop && !meaning.bound;
}

const Datum* Expander::Alias(Name id, const Environment* env, SourceSpan span) {
  const Name alias = arena_.Fresh(*id);
  aliases_[alias] = {id, env};
  return arena_.Symbol(alias, span);
}

// A name for what rewritten forms introduce: of the builtin, or of a variable that they bind.
const Datum* Expander::LibraryName(std::string_view name, SourceSpan span) {
  return Alias(Intern(name), &environments_.front(), span);
}

const Datum* Expander::Reference(const Datum* id, const Meaning& meaning) {
  if (meaning.kind == Meaning::Kind::kTop) {
    if (meaning.top->kind() == Environment::Kind::kLibrary) {
      return Core("%builtin", {arena_.Symbol(meaning.name, id->span)}, id->span);
    }
    // The modules of a session see each other's variables by name.
    if (meaning.top != top_ && meaning.top->owner() == this) return Foreign(id, meaning);
  }
  return id->symbol == meaning.name ? id : arena_.Symbol(meaning.name, id->span);
}

// A variable of another module of the file: the linker makes it known to this one.
const Datum* Expander::Foreign(const Datum* id, const Meaning& meaning) {
  ExpandedModule& module = file_->modules[top_->module()];
  const size_t other = meaning.top->module();
  for (const ExpandedModule::Foreign& known : module.foreign) {
    if (known.module == other && known.name == meaning.name) {
      return arena_.Symbol(known.local, id->span);
    }
  }
  const Name local = names_.Fresh(*meaning.name);
  module.foreign.push_back({local, other, meaning.name});
  return arena_.Symbol(local, id->span);
}

// --- Data ---------------------------------------------------------------------------------------

bool Expander::HasAlias(const Datum* datum) const {
  if (aliases_.empty()) return false;
  Items rest{datum};
  while (!rest.empty()) {
    datum = rest.back();
    rest.pop_back();
    if (datum->IsSymbol() && aliases_.contains(datum->symbol)) return true;
    if (datum->IsPair()) rest.insert(rest.end(), {datum->Cdr(), datum->Car()});
    if (datum->kind == Datum::Kind::kVector) {
      rest.insert(rest.end(), datum->elements.begin(), datum->elements.end());
    }
  }
  return false;
}

// `datum` with the names that aliases stand for. Null: failed.
const Datum* Expander::WithoutAliases(const Datum* datum) {
  if (datum->IsSymbol()) {
    Name name = datum->symbol;
    for (auto it = aliases_.find(name); it != aliases_.end(); it = aliases_.find(name)) {
      name = it->second.name;
    }
    return name == datum->symbol ? datum : arena_.Symbol(name, datum->span);
  }
  if (!datum->IsPair() && datum->kind != Datum::Kind::kVector) return datum;
  const Nesting nesting(*this, datum->span);
  if (!nesting.ok()) return nullptr;
  Items items;
  const Datum* tail = datum;
  if (datum->IsPair()) {
    for (; tail->IsPair(); tail = tail->Cdr()) items.push_back(tail->Car());
    tail = WithoutAliases(tail);
  } else {
    items = datum->elements;
  }
  for (const Datum*& item : items) {
    item = WithoutAliases(item);
    if (!item || !tail) return nullptr;
  }
  if (!datum->IsPair()) return Vector(std::move(items), datum->span);
  for (size_t i = items.size(); i-- > 0;) tail = Pair(items[i], tail, datum->span);
  return tail;
}

// --- Macros -------------------------------------------------------------------------------------

const Datum* Expander::ExpandMacros(const Datum* form) {
  for (int i = 0; form && form->IsPair() && form->Car()->IsSymbol(); ++i) {
    const Meaning meaning = Resolve(form->Car()->symbol);
    if (meaning.kind != Meaning::Kind::kMacro) break;
    if (i == kMaxRewritings) {
      return Fail(form->span, "the macro " + *meaning.macro->name + " expands without end");
    }
    form = Transcribe(*this, *meaning.macro, form);
  }
  return form;
}

const Datum* Expander::ExpandHead(const Datum* form) {
  while ((form = ExpandMacros(form))) {
    if (!form->IsPair() || !form->Car()->IsSymbol()) return form;
    const Meaning meaning = Resolve(form->Car()->symbol);
    if (meaning.kind != Meaning::Kind::kTop || meaning.bound) return form;
    const SpecialForm* special = FindSpecialForm(*form->Car()->symbol);
    if (!special || special->kind == SpecialForm::Kind::kExpression) return form;
    Items items;
    if (!CheckList(form, "a definition", &items)) return nullptr;
    form = special->expand(*this, form, items);
  }
  return nullptr;
}

bool Expander::DefineMacro(const Datum* name, const Datum* rules, Environment* env) {
  if (!CheckBindable(name, "macro")) return false;
  if (rules->IsSymbol()) {
    const Meaning meaning = Resolve(rules->symbol);
    if (meaning.kind == Meaning::Kind::kMacro) {
      env->Bind(name->symbol, {.macro = meaning.macro});
      return true;
    }
  }
  if (!rules->IsPair() || !IsKeyword(rules->Car(), "syntax-rules")) {
    Fail(rules->span, "a macro must be (syntax-rules (literal...) (pattern template)...)");
    return false;
  }
  Macro macro;
  macro.name = name->symbol;
  macro.environment = env_;
  if (!ParseSyntaxRules(*this, rules, &macro)) return false;
  env->Bind(name->symbol, {.macro = &macros_.emplace_back(std::move(macro))});
  return true;
}

void Expander::AddVariables(const Module& earlier) {
  for (const auto& [name, binding] : earlier.environment) session_.push_back({name, binding.kind});
}

std::vector<Name> Expander::MacroNames() const {
  std::vector<Name> names;
  for (const auto& [name, macro] : file_macros_) {
    if (macro->environment->owner() == this) names.push_back(name);
  }
  return names;
}

void Expander::AddMacros(const Expander& earlier) {
  for (const auto& [name, macro] : earlier.file_macros_) file_macros_[name] = macro;
  aliases_.insert(earlier.aliases_.begin(), earlier.aliases_.end());
}

// (define-syntax name rules): in the contour, or at top level for the rest of the file.
bool Expander::ParseSyntaxDefinition(const Datum* form, Environment* env) {
  Items items;
  return CheckList(form, "a definition", &items) &&
         CheckSize(form, items, 3, 3, "(define-syntax name (syntax-rules ...))") &&
         DefineMacro(items[1], items[2], env);
}

namespace {

// ((name rules)...): bound in a contour of their own; `recursive` when the rules see it.
const Datum* ExpandLocalSyntax(Expander& expander, const Datum* form, const Items& items,
                               bool recursive) {
  Items bindings;
  if (!expander.CheckSize(form, items, 3, SIZE_MAX, "(let-syntax ((name rules)...) body...)") ||
      !expander.CheckList(items[1], "the bindings", &bindings)) {
    return nullptr;
  }
  Expander::Scope scope(expander);
  Environment& contour =
      recursive ? scope.Open() : *expander.NewEnvironment(Environment::Kind::kLocal);
  for (const Datum* binding : bindings) {
    Items parts;
    if (!binding->IsPair() || !ListElements(binding, &parts) || parts.size() != 2) {
      return expander.Fail(binding->span, "a binding must be (name rules)");
    }
    if (!expander.DefineMacro(parts[0], parts[1], &contour)) return nullptr;
  }
  scope.Enter(contour);
  Items body;
  if (!expander.ExpandBody(items, 2, form->span, &body)) return nullptr;
  return expander.Begin(body, form->span);
}

}  // namespace

ETA_EXPAND_FN(ExpandLetSyntax) { return ExpandLocalSyntax(expander, form, items, false); }

ETA_EXPAND_FN(ExpandLetrecSyntax) { return ExpandLocalSyntax(expander, form, items, true); }

}  // namespace eta
