#include "vm/linker.h"

#include <algorithm>
#include <string>
#include <utility>

#include "vm/suggest.h"

namespace eta {
namespace {

using Import = ExpandedModule::Import;
using Identifier = ExpandedModule::Identifier;

std::vector<std::string_view> Texts(const std::unordered_map<Name, GlobalSlot>& exports) {
  std::vector<std::string_view> texts;
  for (const auto& [name, slot] : exports) texts.push_back(*name);
  return texts;
}

// The imports of one module, put into its environment.
class ImportBinder {
 public:
  ImportBinder(SymbolTable& names, Module* module) : names_(names), module_(module) {}

  // Binds what `import` takes from `from`.
  Result<Ok> Bind(const Import& import, const Module& from) {
    for (const auto& renaming : import.renamed) {
      if (!from.exports.contains(renaming.exported)) {
        return NotExported(renaming.exported, renaming.span, from);
      }
    }
    for (const Identifier& id : import.hidden) {
      if (!from.exports.contains(id.name)) return NotExported(id.name, id.span, from);
    }
    return import.all ? BindAll(import, from) : BindOnly(import, from);
  }

 private:
  Result<Ok> BindAll(const Import& import, const Module& from) {
    std::vector<std::pair<Name, GlobalSlot>> exports(from.exports.begin(), from.exports.end());
    std::sort(exports.begin(), exports.end(),  // so that the first error is always the same
              [](const auto& a, const auto& b) { return *a.first < *b.first; });
    for (const auto& [name, slot] : exports) {
      const auto is_it = [name = name](const Identifier& id) { return id.name == name; };
      if (std::any_of(import.hidden.begin(), import.hidden.end(), is_it)) continue;
      auto bound = BindOne(LocalName(import, name), slot, import.span, from);
      if (!bound) return bound;
    }
    return Ok{};
  }

  Result<Ok> BindOnly(const Import& import, const Module& from) {
    for (const Identifier& id : import.only) {
      const auto found = from.exports.find(id.name);
      if (found == from.exports.end()) return NotExported(id.name, id.span, from);
      if (auto bound = BindOne(id.name, found->second, id.span, from); !bound) return bound;
    }
    return Ok{};
  }

  Name LocalName(const Import& import, Name name) {
    for (const auto& renaming : import.renamed) {
      if (renaming.exported == name) return renaming.local;
    }
    return import.prefix.empty() ? name : names_.Intern(import.prefix + *name);
  }

  Result<Ok> BindOne(Name local, GlobalSlot slot, SourceSpan span, const Module& from) {
    const auto [found, is_new] =
        module_->environment.try_emplace(local, Binding{Binding::Kind::kImport, slot});
    if (is_new) {
      origins_[local] = from.name;
    } else if (found->second.kind == Binding::Kind::kOwn) {
      return Error(span, "imported name '" + *local + "' conflicts with local define in module '" +
                             *module_->name + "'");
    } else if (found->second.slot != slot) {
      return Error(span, "conflicting imports for '" + *local + "' from '" + *origins_[local] +
                             "' and '" + *from.name + "'");
    }
    return Ok{};
  }

  static Unexpected<Diagnostic> NotExported(Name name, SourceSpan span, const Module& from) {
    return Error(span, "name '" + *name + "' is not exported by module '" + *from.name + "'" +
                           DidYouMean(*name, Texts(from.exports)));
  }

  SymbolTable& names_;
  Module* module_;
  std::unordered_map<Name, Name> origins_;  // of what is imported: the module it came from first
};

class Linker {
 public:
  Linker(const ExpandedFile& file, SymbolTable& names, const FindModule& find,
         const NewSlot& new_slot)
      : file_(file), names_(names), find_(find), new_slot_(new_slot) {}

  Result<std::vector<std::unique_ptr<Module>>> Run() {
    for (const ExpandedModule& source : file_.modules) {
      if (auto declared = Declare(source); !declared) return Unexpected(declared.error());
    }
    states_.resize(modules_.size());
    for (size_t i = 0; i < modules_.size(); ++i) {
      if (auto linked = LinkModule(i); !linked) return Unexpected(linked.error());
    }
    return std::move(modules_);
  }

 private:
  enum class State { kNew, kLinking, kDone };

  // Makes the module with its own definitions.
  Result<Ok> Declare(const ExpandedModule& source) {
    const bool taken = index_.contains(source.name) || find_(source.name);
    if (taken && !source.is_script) {
      return Error(source.span, "duplicate module: " + *source.name);
    }
    if (!taken) index_[source.name] = modules_.size();
    modules_.push_back(std::make_unique<Module>());
    modules_.back()->name = source.name;
    for (const Identifier& id : source.definitions) {
      const std::optional<GlobalSlot> slot = new_slot_(id.name);
      if (!slot) return Error(id.span, "too many top-level definitions in this program");
      modules_.back()->environment[id.name] = {Binding::Kind::kOwn, *slot};
    }
    return Ok{};
  }

  Result<Ok> LinkModule(size_t index) {
    if (states_[index] == State::kDone) return Ok{};
    const ExpandedModule& source = file_.modules[index];
    Module* module = modules_[index].get();
    states_[index] = State::kLinking;
    chain_.push_back(index);
    ImportBinder binder(names_, module);
    for (const Import& import : source.imports) {
      Result<const Module*> from = FindImported(import);
      if (!from) return Unexpected(from.error());
      if (auto bound = binder.Bind(import, **from); !bound) return bound;
    }
    chain_.pop_back();
    states_[index] = State::kDone;
    if (auto bound = BindForeign(source, module); !bound) return bound;
    return BindExports(source, module);
  }

  // What is not found is a builtin, or undefined.
  Result<Ok> BindForeign(const ExpandedModule& source, Module* module) {
    for (const ExpandedModule::Foreign& foreign : source.foreign) {
      if (states_[foreign.module] == State::kNew) {
        if (auto linked = LinkModule(foreign.module); !linked) return linked;
      }
      const auto& environment = modules_[foreign.module]->environment;
      const auto found = environment.find(foreign.name);
      if (found != environment.end()) module->environment[foreign.local] = found->second;
    }
    return Ok{};
  }

  Result<const Module*> FindImported(const Import& import) {
    const auto found = index_.find(import.module);
    if (found == index_.end()) {
      if (const Module* module = find_(import.module)) return module;
      return Error(import.span, "unknown module in import: " + *import.module);
    }
    if (states_[found->second] == State::kLinking) return Circular(import, found->second);
    if (auto linked = LinkModule(found->second); !linked) return Unexpected(linked.error());
    return static_cast<const Module*>(modules_[found->second].get());
  }

  Unexpected<Diagnostic> Circular(const Import& import, size_t index) {
    std::vector<Name> names;
    for (auto it = std::find(chain_.begin(), chain_.end(), index); it != chain_.end(); ++it) {
      names.push_back(file_.modules[*it].name);
    }
    names.push_back(import.module);
    return Error(import.span, CircularImportMessage(names));
  }

  static Result<Ok> BindExports(const ExpandedModule& source, Module* module) {
    for (const Identifier& id : source.exports) {
      const auto found = module->environment.find(id.name);
      if (found == module->environment.end()) {
        std::vector<std::string_view> known;
        for (const auto& [name, binding] : module->environment) known.push_back(*name);
        return Error(id.span, "export of unknown name '" + *id.name + "' in module " +
                                  *module->name + DidYouMean(*id.name, known));
      }
      module->exports[id.name] = found->second.slot;
    }
    return Ok{};
  }

  const ExpandedFile& file_;
  SymbolTable& names_;
  const FindModule& find_;
  const NewSlot& new_slot_;
  std::vector<std::unique_ptr<Module>> modules_;
  std::vector<State> states_;
  std::vector<size_t> chain_;  // the modules being linked, each imported by the one before
  std::unordered_map<Name, size_t> index_;
};

}  // namespace

Result<std::vector<std::unique_ptr<Module>>> Link(const ExpandedFile& file, SymbolTable& names,
                                                  const FindModule& find, const NewSlot& new_slot) {
  return Linker(file, names, find, new_slot).Run();
}

std::string CircularImportMessage(const std::vector<Name>& chain) {
  std::string message = "circular module import detected: ";
  for (size_t i = 0; i < chain.size(); ++i) message += (i > 0 ? " -> " : "") + *chain[i];
  return message;
}

}  // namespace eta
