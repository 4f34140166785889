// Where modules come from: the embedded standard library and files in search directories.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/expected.h"

namespace eta {

struct ModuleSource {
  std::string path;  // of the file, or "std/core.eta" for an embedded one
  std::string text;
  bool is_library = false;  // embedded
};

// A list of directories as in ETA_MODULE_PATH, colons between them; empty entries are dropped.
std::vector<std::string> SplitPath(std::string_view list);

// The whole of a file. Error: why it cannot be read, with the path.
Expected<std::string, std::string> ReadFile(const std::string& path);

// Looks for module a.b.c in a/b/c.eta, or an image a/b/c.etac alone: below the current directory's
// project, below `directories`, in the standard library, below `program_directory` (unless empty).
class ModulePath {
 public:
  // `strict`: a module that more than one place has is an error.
  explicit ModulePath(std::vector<std::string> directories, bool strict = false);
  void SetProgramDirectory(std::string directory) { program_directory_ = std::move(directory); }

  // Nothing when no place has it; an error when the file is there and cannot be read, or when it
  // must not be there.
  Expected<std::optional<ModuleSource>, std::string> Find(std::string_view module) const;
  // Modules that `module` may have meant: the library's, and what the directories have beside where
  // it would be.
  std::vector<std::string> Candidates(std::string_view module) const;

 private:
  // Where the module is, in the order of the search; the first place only, unless strict.
  std::vector<std::string> Places(const std::string& relative) const;

  bool strict_;
  std::vector<std::string> first_;  // before the standard library
  std::string program_directory_;
};

}  // namespace eta
