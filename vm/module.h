// Modules: named sets of global variables, and the environment in which a module's code resolves
// its free names. The linker builds environments; the analyzer reads them.
#pragma once

#include <cstdint>
#include <optional>
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

// One module after expansion: only core forms are left (see vm/core_forms.h).
struct ExpandedModule {
  struct Import {
    Name module;
    SourceSpan span;
    // What the import binds: exported name -> local name. Empty `names` with `all` set: every
    // export, except those in `hidden`, renamed by `renamed`, prefixed with `prefix`.
    bool all = true;
    std::vector<std::pair<Name, SourceSpan>> only;
    std::vector<std::pair<Name, SourceSpan>> hidden;
    std::vector<std::pair<Name, Name>> renamed;  // exported -> local
    std::string prefix;
  };
  Name name;
  SourceSpan span;
  std::vector<Import> imports;
  std::vector<std::pair<Name, SourceSpan>> exports;
  std::vector<std::pair<Name, SourceSpan>> definitions;  // top-level names, each once, in order
  std::vector<const Datum*> body;                        // core forms, in order
};

}  // namespace eta
