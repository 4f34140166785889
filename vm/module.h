// Modules: named sets of global variables, and the environment in which a module's code resolves
// its free names. The linker builds environments; the analyzer reads them.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "vm/datum.h"

namespace eta {

// A VM's global variables are slots of one array (Vm::globals), found at link time.
using GlobalSlot = uint32_t;

struct Binding {
  enum class Kind : uint8_t {
    kOwn,      // a top-level definition of this module: assignable
    kImport,   // another module's: read-only here
    kBuiltin,  // a native or builtin closure: read-only; the emitter may inline it
  };
  Kind kind;
  GlobalSlot slot;
};

// A module that has been linked. Its top-level variables live in the VM's globals.
struct Module {
  Name name;
  std::unordered_map<Name, Binding> environment;  // own definitions and imports, not builtins
  std::unordered_map<Name, GlobalSlot> exports;
};

// Finds a module that was loaded before; null when there is none of that name.
using FindModule = std::function<const Module*(Name)>;

// One module after expansion: only core forms are left (see vm/core_forms.h).
struct ExpandedModule {
  struct Identifier {
    Name name;
    SourceSpan span;
  };
  // What an import binds: all exports of the module, or `only` some, except those in `hidden`;
  // each under its new name if it is in `renamed`, with `prefix` in front.
  struct Import {
    struct Renaming {
      Name exported, local;
      SourceSpan span;
    };
    Name module;
    SourceSpan span;
    bool all = true;  // otherwise `only`
    std::vector<Identifier> only;
    std::vector<Identifier> hidden;
    std::vector<Renaming> renamed;
    std::string prefix;
  };
  // A variable of another module of the file, which a macro defined there brings in.
  struct Foreign {
    Name local;
    size_t module;  // index in ExpandedFile::modules
    Name name;
  };
  Name name;
  SourceSpan span;         // of the name
  bool is_script = false;  // made of the forms outside of modules
  std::vector<Import> imports;
  std::vector<Identifier> exports;
  std::vector<Identifier> definitions;  // top-level names, each once, in order
  std::vector<Foreign> foreign;
  std::vector<const Datum*> body;  // core forms, in order
};

// A source file after expansion. Its parts run in order; a module that `(module ...)` makes is one
// part, the top-level forms outside of modules are one module in as many parts as it takes.
struct ExpandedFile {
  struct Part {
    size_t module;      // index in `modules`
    size_t begin, end;  // the forms of its body that belong to the part
  };
  std::vector<ExpandedModule> modules;
  std::vector<Part> parts;

  std::span<const Datum* const> FormsOf(const Part& part) const {
    return std::span(modules[part.module].body).subspan(part.begin, part.end - part.begin);
  }
};

}  // namespace eta
