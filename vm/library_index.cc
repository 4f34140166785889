#include "vm/library_index.h"

#include <algorithm>
#include <utility>

#include "stdlib/embedded.h"
#include "vm/expander.h"
#include "vm/reader.h"
#include "vm/suggest.h"

namespace eta {

std::vector<LibraryExport> LibraryExports() {
  std::vector<LibraryExport> exports;
  for (const EmbeddedFile& embedded : EmbeddedStdlib()) {
    SymbolTable names;
    DatumArena arena;
    auto data = Read(embedded.text, 0, names, arena);
    if (!data) continue;
    auto file = Expander(names, arena).ScanFile(*data, "");
    if (!file) continue;
    for (const ExpandedModule& module : file->modules) {
      for (const auto& id : module.exports) {
        exports.push_back({*id.name, *module.name, embedded.path});
      }
    }
  }
  return exports;
}

std::vector<std::string> LibraryExporters(std::string_view name) {
  std::vector<std::string> found;
  for (LibraryExport& known : LibraryExports()) {
    if (known.name == name) found.push_back(std::move(known.module));
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

std::string NearestExport(std::string_view name) {
  const std::vector<LibraryExport> exports = LibraryExports();
  std::vector<std::string_view> names;
  for (const LibraryExport& known : exports) names.push_back(known.name);
  const std::string_view nearest = NearestName(name, names);
  const auto found = std::find_if(exports.begin(), exports.end(), [&](const LibraryExport& known) {
    return known.name == nearest;
  });
  if (found == exports.end()) return "";
  return " (did you mean '" + found->name + "', exported by " + found->module + "?)";
}

}  // namespace eta
