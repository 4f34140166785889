// Modules and top-level forms.
#include <unordered_set>
#include <utility>

#include "vm/expander.h"

namespace eta {

// Expands the forms of one module.
class ModuleExpander {
 public:
  ModuleExpander(Expander& expander, ExpandedModule* module)
      : expander_(expander), module_(module) {}

  // Adds what defines something in `form` to `ids`; looks at definitions as they are written.
  void CollectDefinitions(const Datum* form, Items* ids) {
    Items items;
    if (!form->IsPair() || !ListElements(form, &items) || items.size() < 2) return;
    if (expander_.IsSequence(form)) {
      const Expander::Nesting nesting(expander_, form->span);
      for (size_t i = 1; i < items.size() && nesting.ok(); ++i) CollectDefinitions(items[i], ids);
    } else if (expander_.IsDefinition(form)) {
      const Datum* id = items[1]->IsPair() ? items[1]->Car() : items[1];
      if (id->IsSymbol()) ids->push_back(id);
    }
  }

  // A clause or form of the module. False: failed.
  bool Add(const Datum* form) {
    if (form->IsPair()) {
      if (expander_.IsDefinition(form)) return AddDefinition(form);
      if (expander_.IsSequence(form)) return AddSequence(form);
      if (IsSymbolNamed(form->Car(), "import")) return AddImports(form);
      if (IsSymbolNamed(form->Car(), "export")) return AddExports(form);
    }
    const Datum* expanded = expander_.Expand(form);
    if (expanded) module_->body.push_back(expanded);
    return expanded != nullptr;
  }

 private:
  using Import = ExpandedModule::Import;

  bool Fail(SourceSpan span, std::string message) {
    expander_.Fail(span, std::move(message));
    return false;
  }

  bool AddDefinition(const Datum* form) {
    Expander::Definition definition;
    if (!expander_.ParseDefinition(form, &definition)) return false;
    const Datum* id = definition.id;
    const Datum* value = expander_.DefinitionValue(definition);
    if (!value) return false;
    if (defined_.insert(id->symbol).second) {
      module_->definitions.push_back({id->symbol, id->span});
    }
    module_->body.push_back(expander_.Core("define", {id, value}, form->span));
    return true;
  }

  bool AddSequence(const Datum* form) {
    Items items;
    const Expander::Nesting nesting(expander_, form->span);
    if (!nesting.ok() || !expander_.CheckList(form, "a form", &items)) return false;
    for (size_t i = 1; i < items.size(); ++i) {
      if (!Add(items[i])) return false;
    }
    return true;
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
  std::unordered_set<Name> defined_;
};

namespace {

// A module of a file before expansion, in the stretches that the file has it in.
struct ModuleText {
  Name name = nullptr;
  SourceSpan span;
  bool is_script = false;
  std::vector<Items> stretches;
};

struct Stretch {
  size_t module, index;
};

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

// What a file consists of, in order.
struct FileText {
  std::vector<ModuleText> modules;
  std::vector<Stretch> stretches;
};

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

// Expands `text` into `module`; `ends` gets the size of the body after each stretch.
bool ExpandModule(Expander& expander, const ModuleText& text, ExpandedModule* module,
                  std::vector<size_t>* ends) {
  module->name = text.name;
  module->span = text.span;
  module->is_script = text.is_script;
  ModuleExpander module_expander(expander, module);
  Items ids;
  for (const Items& stretch : text.stretches) {
    for (const Datum* form : stretch) module_expander.CollectDefinitions(form, &ids);
  }
  const Expander::Scope scope(expander, ids);
  for (const Items& stretch : text.stretches) {
    for (const Datum* form : stretch) {
      if (!module_expander.Add(form)) return false;
    }
    ends->push_back(module->body.size());
  }
  return true;
}

}  // namespace

Result<ExpandedFile> Expander::ExpandFile(const std::vector<const Datum*>& forms,
                                          std::string_view script) {
  FileText text;
  ExpandedFile file;
  if (!ParseFile(*this, forms, Intern(script), &text)) return Unexpected(error_);
  std::vector<std::vector<size_t>> ends(text.modules.size());
  file.modules.resize(text.modules.size());
  for (size_t i = 0; i < text.modules.size(); ++i) {
    if (!ExpandModule(*this, text.modules[i], &file.modules[i], &ends[i])) {
      return Unexpected(error_);
    }
  }
  for (const Stretch& stretch : text.stretches) {
    const std::vector<size_t>& end = ends[stretch.module];
    const size_t begin = stretch.index == 0 ? 0 : end[stretch.index - 1];
    file.parts.push_back({stretch.module, begin, end[stretch.index]});
  }
  return file;
}

ETA_EXPAND_FN(ExpandMisplacedModuleForm) {
  const bool module = IsSymbolNamed(items[0], "module");
  return expander.Fail(
      form->span, *items[0]->symbol + (module ? " is only allowed at the top level of a file"
                                              : " is only allowed at the top level of a module"));
}

}  // namespace eta
