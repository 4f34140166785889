// Forms that choose what is part of the program, and bring in the text of other files: cond-expand
// and include. At the top level they are replaced before anything else, since what they bring may
// be modules and imports.
#include <algorithm>
#include <utility>

#include "vm/expander.h"
#include "vm/features.h"

namespace eta {
namespace {

// The name that `form` defines; null when it is no definition.
const Datum* DefinedName(const Datum* form) {
  if (!form->IsPair() || !form->Cdr()->IsPair()) return nullptr;
  const auto heads = {"define", "def", "defun", "define-syntax"};
  const bool defines = std::any_of(heads.begin(), heads.end(), [&](const char* head) {
    return IsSymbolNamed(form->Car(), head);
  });
  if (!defines) return nullptr;
  const Datum* id = form->Cdr()->Car();
  return id->IsPair() ? id->Car() : id;
}

bool HasHead(const Datum* form, std::string_view name) {
  return form->IsPair() && IsSymbolNamed(form->Car(), name);
}

// The module that (library NAME) asks for: a.b, or (a b). Empty: it makes no sense.
std::string LibraryNameIn(const Datum* name) {
  if (name->IsSymbol()) return *name->symbol;
  Items parts;
  std::string joined;
  if (!name->IsPair() || !ListElements(name, &parts)) return "";
  for (const Datum* part : parts) {
    if (!part->IsSymbol()) return "";
    joined += (joined.empty() ? "" : ".") + *part->symbol;
  }
  return joined;
}

// Evaluates the requirements of cond-expand.
class Requirements {
 public:
  explicit Requirements(Expander& expander) : expander_(expander) {}

  // Nothing: failed.
  std::optional<bool> Hold(const Datum* requirement) {
    if (requirement->IsSymbol()) return IsFeature(*requirement->symbol);
    const Expander::Nesting nesting(expander_, requirement->span);
    Items items;
    if (!nesting.ok()) return {};
    if (requirement->IsPair() && ListElements(requirement, &items)) {
      if (IsSymbolNamed(items[0], "and")) return AllAre(items, true);
      if (IsSymbolNamed(items[0], "or")) {
        const auto none = AllAre(items, false);
        return none ? std::optional(!*none) : none;
      }
      if (IsSymbolNamed(items[0], "not") && items.size() == 2) {
        const auto holds = Hold(items[1]);
        return holds ? std::optional(!*holds) : holds;
      }
      if (IsSymbolNamed(items[0], "library") && items.size() == 2) return IsLibrary(items[1]);
    }
    expander_.Fail(requirement->span,
                   "cond-expand: expected a feature, else, (and ...), (or ...), (not ...) or "
                   "(library name)");
    return {};
  }

 private:
  static bool IsFeature(const std::string& name) {
    const auto features = FeatureNames();
    return name == "else" || std::find(features.begin(), features.end(), name) != features.end();
  }

  bool IsLibrary(const Datum* name) {
    const std::string module = LibraryNameIn(name);
    const auto& has_module = expander_.surroundings().has_module;
    return !module.empty() && has_module && has_module(module);
  }

  std::optional<bool> AllAre(const Items& items, bool wanted) {
    for (size_t i = 1; i < items.size(); ++i) {
      const auto holds = Hold(items[i]);
      if (!holds || *holds != wanted) return holds ? std::optional(false) : holds;
    }
    return true;
  }

  Expander& expander_;
};

// The forms of the first clause whose requirement holds. False: failed.
bool ChosenForms(Expander& expander, const Items& items, Items* out) {
  for (size_t i = 1; i < items.size(); ++i) {
    Items clause;
    if (!expander.CheckList(items[i], "a clause of cond-expand", &clause)) return false;
    if (clause.empty()) {
      expander.Fail(items[i]->span, "a clause of cond-expand must be (requirement form...)");
      return false;
    }
    const auto holds = Requirements(expander).Hold(clause[0]);
    if (!holds) return false;
    if (!*holds) continue;
    out->insert(out->end(), clause.begin() + 1, clause.end());
    break;
  }
  return true;
}

// The forms of the files that (include "file" ...) names. False: failed.
bool IncludedForms(Expander& expander, const Datum* form, const Items& items, Items* out) {
  if (!expander.CheckSize(form, items, 2, SIZE_MAX, "(include \"file\"...)")) return false;
  for (size_t i = 1; i < items.size(); ++i) {
    if (items[i]->kind != Datum::Kind::kString) {
      expander.Fail(items[i]->span, "include: the name of a file must be a string");
      return false;
    }
    const auto& include = expander.surroundings().include;
    if (!include) {
      expander.Fail(form->span, "include: there are no other files here");
      return false;
    }
    auto forms = include(items[i]);
    if (!forms) return expander.Fail(std::move(forms.error()));
    out->insert(out->end(), forms->begin(), forms->end());
  }
  return true;
}

}  // namespace

// Replaces the forms at the top level of a file and of its modules. A name that the program defines
// itself means what it says there.
class SourceSplicer {
 public:
  SourceSplicer(Expander& expander, const Items& forms) : expander_(expander) {
    for (const Datum* form : forms) FindOwn(form);
  }

  // Appends `form`, or what stands for it, to `out`. False: failed.
  bool Splice(const Datum* form, Items* out) {
    const bool chooses = HasHead(form, "cond-expand") && !own_cond_expand_;
    const bool includes = HasHead(form, "include") && !own_include_;
    if (HasHead(form, "module") || HasHead(form, "begin")) return SpliceInside(form, out);
    if (!chooses && !includes) {
      out->push_back(form);
      return true;
    }
    Items items, forms;
    const Expander::Nesting nesting(expander_, form->span);
    if (!nesting.ok() || !expander_.CheckList(form, "a form", &items)) return false;
    if (chooses ? !ChosenForms(expander_, items, &forms)
                : !IncludedForms(expander_, form, items, &forms)) {
      return false;
    }
    return std::all_of(forms.begin(), forms.end(),
                       [&](const Datum* inner) { return Splice(inner, out); });
  }

 private:
  // A form that is only replaced if something in it is.
  bool SpliceInside(const Datum* form, Items* out) {
    Items items, spliced;
    const Expander::Nesting nesting(expander_, form->span);
    if (!nesting.ok()) return false;
    const bool list = ListElements(form, &items);
    for (const Datum* item : items) {
      if (!Splice(item, &spliced)) return false;
    }
    const bool same = !list || spliced == items;
    out->push_back(same ? form : expander_.List(spliced, form->span));
    return true;
  }

  void FindOwn(const Datum* form) {
    if (HasHead(form, "module") || HasHead(form, "begin")) {
      Items items;
      const Expander::Nesting nesting(expander_, form->span);
      if (!nesting.ok() || !ListElements(form, &items)) return;
      for (const Datum* item : items) FindOwn(item);
    } else if (const Datum* name = DefinedName(form)) {
      own_cond_expand_ |= IsSymbolNamed(name, "cond-expand");
      own_include_ |= IsSymbolNamed(name, "include");
    }
  }

  Expander& expander_;
  bool own_cond_expand_ = false, own_include_ = false;
};

bool Expander::SpliceSource(const Items& forms, Items* out) {
  SourceSplicer splicer(*this, forms);
  return std::all_of(forms.begin(), forms.end(),
                     [&](const Datum* form) { return splicer.Splice(form, out); });
}

// Inside of bodies and expressions: a `begin`.
ETA_EXPAND_FN(ExpandCondExpand) {
  Items forms;
  if (!ChosenForms(expander, items, &forms)) return nullptr;
  return expander.Core("begin", std::move(forms), form->span);
}

ETA_EXPAND_FN(ExpandInclude) {
  Items forms;
  if (!IncludedForms(expander, form, items, &forms)) return nullptr;
  return expander.Core("begin", std::move(forms), form->span);
}

}  // namespace eta
