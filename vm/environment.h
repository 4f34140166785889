// What names mean where a form stands, while a file is expanded.
//
// Macros are hygienic by renaming (W. Clinger and J. Rees, "Macros That Work", POPL 1991). Every
// name that a template inserts becomes an alias: a name of its own that remembers which name it
// stands for and the environment of the macro's definition. An alias that a form binds is a
// variable like any other; one that stays free means what its original meant where the macro was
// defined. Every local variable has a name of its own in the core forms, so none between can
// capture it.
#pragma once

#include <cstddef>
#include <unordered_map>
#include <vector>

#include "vm/datum.h"

namespace eta {

class Expander;
struct Macro;

// One contour of bindings around a form. The outermost is a module's top level, or that of the
// macros of the library, where free names are builtins.
class Environment {
 public:
  enum class Kind : uint8_t { kLocal, kModule, kLibrary };
  struct Entry {
    Name variable = nullptr;       // its name in the core forms, or
    const Macro* macro = nullptr;  // what expands it
    bool imported = false;
  };

  Environment(Kind kind, const Environment* outer, const Expander* owner, size_t module)
      : kind_(kind), outer_(outer), owner_(owner), module_(module) {}

  void Bind(Name id, Entry entry) { entries_[id] = entry; }
  // Of this contour alone; null when it does not bind `id`.
  const Entry* Find(Name id) const {
    const auto found = entries_.find(id);
    return found == entries_.end() ? nullptr : &found->second;
  }

  std::vector<Name> Names() const {
    std::vector<Name> names;
    for (const auto& [name, entry] : entries_) names.push_back(name);
    return names;
  }

  Kind kind() const { return kind_; }
  const Environment* outer() const { return outer_; }
  const Expander* owner() const { return owner_; }
  size_t module() const { return module_; }  // kModule: which one of the owner's file

 private:
  Kind kind_;
  const Environment* outer_;
  const Expander* owner_;
  size_t module_;
  std::unordered_map<Name, Entry> entries_;
};

// What a name stands for.
struct Meaning {
  enum class Kind : uint8_t { kLocal, kMacro, kTop };
  Kind kind = Kind::kTop;
  Name name = nullptr;               // in the core forms; kTop: at `top`
  const Macro* macro = nullptr;      // kMacro
  const Environment* top = nullptr;  // kTop: whose top level
  bool bound = false;                // kTop: defined or imported there, as far as is known
  bool imported = false;

  friend bool operator==(const Meaning& a, const Meaning& b) {
    if (a.kind != b.kind) return false;
    if (a.kind == Kind::kMacro) return a.macro == b.macro;
    return a.name == b.name && a.bound == b.bound && (!a.bound || a.top == b.top);
  }
};

}  // namespace eta
