// Which modules of the standard library export what. For error messages and documents: it reads the
// library's text anew each time.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace eta {

struct LibraryExport {
  std::string name, module;
  std::string_view path;  // of the module's file, in the library
};
// All there are, module by module, in the order of their lists of exports.
std::vector<LibraryExport> LibraryExports();

// The modules that export `name`, in order.
std::vector<std::string> LibraryExporters(std::string_view name);

// " (exported by std.io)", or nothing when no module of the library exports `name`.
std::string ExportedBy(std::string_view name);

// " (did you mean 'println', exported by std.io?)" for the nearest name that the library exports,
// or nothing.
std::string NearestExport(std::string_view name);

}  // namespace eta
