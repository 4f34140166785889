// Files that tools read and write.
#pragma once

#include <string>
#include <vector>

#include "base/expected.h"

namespace eta {

// `path` itself, or the .eta files below it in order if it is a directory. Error: there is no such
// path.
Expected<std::vector<std::string>, std::string> SourceFilesBelow(const std::string& path);

// Replaces the file's contents, all of them or none: who reads it meanwhile sees the old ones.
// False: it failed, and errno says why.
bool WriteWhole(const std::string& path, const std::string& bytes);

}  // namespace eta
