// Modules and top-level forms.
#include <algorithm>
#include <deque>
#include <unordered_set>
#include <utility>

#include "vm/expander.h"
#include "vm/module_text.h"

namespace eta {

// What modifiers a module's clause may have; reads imports and exports.
class ClauseReader {
 public:
  ClauseReader(Expander& expander, ExpandedModule* module) : expander_(expander), module_(module) {}

  // Reads the clauses that stand at the top level of the module, in `begin`s too.
  bool Read(const Datum* form) {
    if (!form->IsPair()) return true;
    if (IsSymbolNamed(form->Car(), "import")) return AddImports(form);
    if (IsSymbolNamed(form->Car(), "export")) return AddExports(form);
    Items items;
    if (!expander_.IsSequence(form) || !ListElements(form, &items)) return true;
    const Expander::Nesting nesting(expander_, form->span);
    if (!nesting.ok()) return false;
    for (size_t i = 1; i < items.size(); ++i) {
      if (!Read(items[i])) return false;
    }
    return true;
  }

 private:
  using Import = ExpandedModule::Import;

  bool Fail(SourceSpan span, std::string message) {
    expander_.Fail(span, std::move(message));
    return false;
  }

  bool AddExports(const Datum* form) {
    Items items;
    if (!expander_.CheckList(form, "export", &items)) return false;
    for (size_t i = 1; i < items.size(); ++i) {
      if (!expander_.CheckBindable(items[i], "exported name")) return false;
      module_->exports.push_back({items[i]->symbol, items[i]->span});
    }
    return true;
  }

  bool AddImports(const Datum* form) {
    Items items;
    if (!expander_.CheckList(form, "import", &items)) return false;
    for (size_t i = 1; i < items.size(); ++i) {
      Import import;
      if (!ParseImport(items[i], &import)) return false;
      module_->imports.push_back(std::move(import));
    }
    return true;
  }

  bool ParseImport(const Datum* spec, Import* out) {
    out->span = spec->span;
    if (spec->IsSymbol()) {
      out->module = spec->symbol;
      return true;
    }
    Items items;
    if (!spec->IsPair() || !ListElements(spec, &items) || items.size() < 2 ||
        !items[0]->IsSymbol()) {
      return Fail(spec->span, "an import must be a module name or (only|except|rename|prefix ...)");
    }
    if (!items[1]->IsSymbol()) {
      return Fail(items[1]->span, "a module name must be a symbol; modifiers do not nest");
    }
    out->module = items[1]->symbol;
    out->span = items[1]->span;
    return ParseModifier(spec, items, out);
  }

  bool ParseModifier(const Datum* spec, const Items& items, Import* out) {
    const std::string& modifier = *items[0]->symbol;
    if (modifier == "prefix") {
      if (items.size() != 3 || !items[2]->IsSymbol()) {
        return Fail(spec->span, "prefix: expected (prefix module symbol)");
      }
      out->prefix = *items[2]->symbol;
      return true;
    }
    if (modifier == "rename") return ParseRenamings(items, out);
    if (modifier != "only" && modifier != "except") {
      return Fail(items[0]->span, "unknown import modifier: " + modifier);
    }
    out->all = modifier == "except";
    for (size_t i = 2; i < items.size(); ++i) {
      if (!expander_.CheckBindable(items[i], "imported name")) return false;
      (out->all ? out->hidden : out->only).push_back({items[i]->symbol, items[i]->span});
    }
    return true;
  }

  bool ParseRenamings(const Items& items, Import* out) {
    for (size_t i = 2; i < items.size(); ++i) {
      Items pair;
      if (!items[i]->IsPair() || !ListElements(items[i], &pair) || pair.size() != 2) {
        return Fail(items[i]->span, "rename: expected (rename module (old new)...)");
      }
      if (!expander_.CheckBindable(pair[0], "imported name") ||
          !expander_.CheckBindable(pair[1], "imported name")) {
        return false;
      }
      out->renamed.push_back({pair[0]->symbol, pair[1]->symbol, pair[0]->span});
    }
    return true;
  }

  Expander& expander_;
  ExpandedModule* module_;
};

// Expands the forms of one module, stretch by stretch.
class ModuleExpander {
 public:
  ModuleExpander(Expander& expander, ExpandedModule* module, size_t index)
      : expander_(expander),
        module_(module),
        top_(expander.NewEnvironment(Environment::Kind::kModule, index)) {}

  // Make names known that the module imports, or defines in `form`: all of the module sees them.
  void Import(Name name) { top_->Bind(name, {.variable = name, .imported = true}); }
  void Remember(Name name, Binding::Kind kind) {
    top_->Bind(name, {.variable = name, .imported = kind != Binding::Kind::kOwn});
  }
  void CollectDefinitions(const Datum* form) {
    Items items;
    if (!form->IsPair() || !ListElements(form, &items) || items.size() < 2) return;
    if (expander_.IsSequence(form)) {
      const Expander::Nesting nesting(expander_, form->span);
      for (size_t i = 1; i < items.size() && nesting.ok(); ++i) CollectDefinitions(items[i]);
    } else if (expander_.IsDefinition(form)) {
      const Datum* id = items[1]->IsPair() ? items[1]->Car() : items[1];
      if (id->IsSymbol()) top_->Bind(id->symbol, {.variable = id->symbol});
    }
  }

  // Expands `forms` behind what there is. False: failed.
  bool Add(const Items& forms) {
    expander_.env_ = top_;
    expander_.top_ = top_;
    for (const Datum* form : forms) {
      if (!AddForm(form, /*written=*/true) && !KeepError()) return false;
    }
    return true;
  }

 private:
  // Whether there is a place for the error, so that the next form can be tried.
  bool KeepError() {
    if (!expander_.errors_) return false;
    expander_.errors_->push_back(std::exchange(expander_.error_, {}));
    expander_.failed_ = false;
    expander_.env_ = top_;
    return true;
  }

  // `written`: as opposed to made by a macro.
  bool AddForm(const Datum* form, bool written) {
    const Datum* head = expander_.ExpandHead(form);
    if (!head) return false;
    written &= head == form;
    if (expander_.IsDefinition(head)) return AddDefinition(head);
    if (expander_.IsSequence(head)) return AddSequence(head, written);
    if (expander_.IsSyntaxDefinition(head)) return AddMacro(head);
    if (written && head->IsPair() &&
        (IsSymbolNamed(head->Car(), "import") || IsSymbolNamed(head->Car(), "export"))) {
      return true;  // ClauseReader's
    }
    const Datum* expanded = expander_.Expand(head);
    if (expanded) module_->body.push_back(expanded);
    return expanded != nullptr;
  }

  bool AddDefinition(const Datum* form) {
    Expander::Definition definition;
    if (!expander_.ParseDefinition(form, &definition)) return false;
    const Datum* id = Define(definition.id);
    const Datum* value = expander_.DefinitionValue(definition);
    if (!value) return false;
    if (defined_.insert(id->symbol).second) {
      module_->definitions.push_back({id->symbol, id->span});
    }
    module_->body.push_back(expander_.Core("define", {id, value}, form->span));
    return true;
  }

  // The variable that a definition of `id` makes or assigns. A name that a macro introduced gets a
  // variable that only what the macro made can see.
  const Datum* Define(const Datum* id) {
    const Environment::Entry* known = top_->Find(id->symbol);
    Name variable = known ? known->variable : nullptr;
    if (!variable) {
      const bool written = !expander_.aliases_.contains(id->symbol) && !IsFresh(id->symbol);
      variable = written ? id->symbol : expander_.names_.Fresh(*id->symbol);
      top_->Bind(id->symbol, {.variable = variable});
    }
    return expander_.arena_.Symbol(variable, id->span);
  }

  bool IsFresh(Name name) const { return expander_.Intern(*name) != name; }

  bool AddSequence(const Datum* form, bool written) {
    Items items;
    const Expander::Nesting nesting(expander_, form->span);
    if (!nesting.ok() || !expander_.CheckList(form, "a form", &items)) return false;
    for (size_t i = 1; i < items.size(); ++i) {
      if (!AddForm(items[i], written)) return false;
    }
    return true;
  }

  // A macro is visible in the rest of the file, in the other modules too.
  bool AddMacro(const Datum* form) {
    if (!expander_.ParseSyntaxDefinition(form, top_)) return false;
    const Name name = form->Cdr()->Car()->symbol;
    expander_.file_macros_[name] = top_->Find(name)->macro;
    return true;
  }

  Expander& expander_;
  ExpandedModule* module_;
  Environment* top_;
  std::unordered_set<Name> defined_;
};

namespace {

bool IsModuleForm(const Datum* datum) {
  return datum->IsPair() && IsSymbolNamed(datum->Car(), "module");
}

bool ParseModule(Expander& expander, const Datum* form, ModuleText* out) {
  Items items;
  if (!expander.CheckList(form, "a module", &items) ||
      !expander.CheckSize(form, items, 2, SIZE_MAX, "(module name form...)")) {
    return false;
  }
  if (!items[1]->IsSymbol()) {
    expander.Fail(items[1]->span, "a module name must be a symbol");
    return false;
  }
  out->name = items[1]->symbol;
  out->span = items[1]->span;
  out->stretches.emplace_back(items.begin() + 2, items.end());
  return true;
}

bool ParseFile(Expander& expander, const std::vector<const Datum*>& forms, Name script,
               FileText* out) {
  size_t script_module = SIZE_MAX;
  bool in_script = false;  // the previous form was outside of modules
  for (const Datum* form : forms) {
    if (IsModuleForm(form)) {
      out->stretches.push_back({out->modules.size(), 0});
      if (!ParseModule(expander, form, &out->modules.emplace_back())) return false;
      in_script = false;
      continue;
    }
    if (script_module == SIZE_MAX) {
      script_module = out->modules.size();
      out->modules.push_back({.name = script, .span = form->span, .is_script = true});
    }
    std::vector<Items>& stretches = out->modules[script_module].stretches;
    if (!in_script) {
      out->stretches.push_back({script_module, stretches.size()});
      stretches.emplace_back();
    }
    stretches.back().push_back(form);
    in_script = true;
  }
  return true;
}

// The names that `import` binds, of those that are exported.
std::vector<Name> ImportedNames(Expander& expander, const ExpandedModule::Import& import,
                                const std::vector<Name>& exported) {
  std::vector<Name> names;
  for (const auto& id : import.only) names.push_back(id.name);
  if (!import.all) return names;
  for (Name name : exported) {
    const bool hidden = std::any_of(import.hidden.begin(), import.hidden.end(),
                                    [name](const auto& id) { return id.name == name; });
    if (hidden) continue;
    for (const auto& renaming : import.renamed) {
      if (renaming.exported == name) name = renaming.local;
    }
    names.push_back(import.prefix.empty() ? name : expander.Intern(import.prefix + *name));
  }
  return names;
}

// What a module of this file or another exports; nothing if there is none of that name.
std::vector<Name> ExportedNames(const ExpandedFile& file, const FindModule& find, Name module) {
  std::vector<Name> names;
  for (const ExpandedModule& own : file.modules) {
    if (own.name != module) continue;
    for (const auto& id : own.exports) names.push_back(id.name);
    return names;
  }
  if (const Module* other = find ? find(module) : nullptr) {
    for (const auto& [name, slot] : other->exports) names.push_back(name);
  }
  return names;
}

}  // namespace

Result<ExpandedFile> Expander::ScanFile(const std::vector<const Datum*>& forms,
                                        std::string_view script) {
  text_ = std::make_unique<FileText>();
  ExpandedFile file;
  Items spliced;
  if (!SpliceSource(forms, &spliced) || !ParseFile(*this, spliced, Intern(script), text_.get())) {
    return Unexpected(error_);
  }
  for (const ModuleText& text : text_->modules) {
    ExpandedModule& module = file.modules.emplace_back();
    module.name = text.name;
    module.span = text.span;
    module.is_script = text.is_script;
    ClauseReader reader(*this, &module);
    for (const Items& stretch : text.stretches) {
      for (const Datum* form : stretch) {
        if (!reader.Read(form)) return Unexpected(error_);
      }
    }
  }
  return file;
}

Result<Ok> Expander::ExpandForms(ExpandedFile* file, const FindModule& find) {
  file_ = file;
  std::deque<ModuleExpander> expanders;
  for (size_t i = 0; i < file->modules.size(); ++i) {
    ModuleExpander& expander = expanders.emplace_back(*this, &file->modules[i], i);
    for (const auto& [name, kind] : session_) expander.Remember(name, kind);
    for (const auto& import : file->modules[i].imports) {
      const std::vector<Name> exported = ExportedNames(*file, find, import.module);
      for (Name name : ImportedNames(*this, import, exported)) expander.Import(name);
    }
    for (const Items& stretch : text_->modules[i].stretches) {
      for (const Datum* form : stretch) expander.CollectDefinitions(form);
    }
  }
  for (const Stretch& stretch : text_->stretches) {
    const size_t begin = file->modules[stretch.module].body.size();
    const Items& forms = text_->modules[stretch.module].stretches[stretch.index];
    if (!expanders[stretch.module].Add(forms)) return Unexpected(error_);
    file->parts.push_back({stretch.module, begin, file->modules[stretch.module].body.size()});
  }
  return Ok{};
}

Result<ExpandedFile> Expander::ExpandFile(const std::vector<const Datum*>& forms,
                                          std::string_view script) {
  auto file = ScanFile(forms, script);
  if (!file) return file;
  if (auto expanded = ExpandForms(&*file, nullptr); !expanded) return Unexpected(expanded.error());
  return file;
}

Result<const Datum*> Expander::ExpandExpression(const Datum* datum) {
  top_ = env_;
  const Datum* form = Expand(datum);
  if (!form) return Unexpected(error_);
  return form;
}

ETA_EXPAND_FN(ExpandMisplacedModuleForm) {
  const bool module = IsSymbolNamed(items[0], "module");
  return expander.Fail(
      form->span, *items[0]->symbol + (module ? " is only allowed at the top level of a file"
                                              : " is only allowed at the top level of a module"));
}

}  // namespace eta
