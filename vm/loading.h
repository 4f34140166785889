// A file on its way through the loader. For the loader's own sources.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "vm/expander.h"
#include "vm/loader.h"

namespace eta {

struct Loader::Loading {
  Loading(SymbolTable& names, const MacroLibrary& macros) : expander(names, arena, &macros) {}

  DatumArena arena;  // until it is compiled
  Expander expander;
  std::vector<const Datum*> data;
  ExpandedFile file;
  std::string path;
  bool is_library = false;
  std::vector<uint32_t> files;  // the VM's numbers of the source and what it includes
  std::vector<std::unique_ptr<Module>> linked;  // until they are registered
  std::vector<const Module*> modules;           // by index in `file`
};

}  // namespace eta
