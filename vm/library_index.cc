#include "vm/library_index.h"

#include <algorithm>

#include "stdlib/embedded.h"
#include "vm/expander.h"
#include "vm/reader.h"

namespace eta {

std::vector<std::string> LibraryExporters(std::string_view name) {
  std::vector<std::string> found;
  for (const EmbeddedFile& embedded : EmbeddedStdlib()) {
    SymbolTable names;
    DatumArena arena;
    auto data = Read(embedded.text, 0, names, arena);
    if (!data) continue;
    auto file = Expander(names, arena).ScanFile(*data, "");
    if (!file) continue;
    for (const ExpandedModule& module : file->modules) {
      const auto is_it = [&](const auto& id) { return *id.name == name; };
      const bool exports = std::any_of(module.exports.begin(), module.exports.end(), is_it);
      if (exports) found.push_back(*module.name);
    }
  }
  return found;
}

std::string ExportedBy(std::string_view name) {
  std::string text;
  for (const std::string& module : LibraryExporters(name)) {
    text += (text.empty() ? " (exported by " : ", ") + module;
  }
  return text.empty() ? text : text + ")";
}

}  // namespace eta
