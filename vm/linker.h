// Linker: the imports and exports of a file's modules -> an environment for each.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <unordered_map>
#include <vector>

#include "vm/module.h"
#include "vm/span.h"

namespace eta {

// Makes a global variable; nothing when there is no room for more.
using NewSlot = std::function<std::optional<GlobalSlot>(Name)>;

// The modules of `file`, linked, in its order. They may import each other, in any order but a
// circle, and every module that `find` knows.
Result<std::vector<std::unique_ptr<Module>>> Link(const ExpandedFile& file, SymbolTable& names,
                                                  const FindModule& find, const NewSlot& new_slot);

// "circular module import detected: a -> b -> a"
std::string CircularImportMessage(const std::vector<Name>& chain);

}  // namespace eta
