// Files that appear whole or not at all: what was there before stays until all of the new contents
// are on the disk, however the writer ends.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "base/expected.h"

namespace eta::tensor {

// Writes the pieces one after the other to a file of its own in the same folder, makes them
// durable, and gives that file the name `path`. The error, "cannot write 'PATH': reason", leaves
// nothing behind. Several writers of one path do not disturb each other; the last one wins.
// Thread safety: any thread.
Expected<Ok, std::string> WriteAtomically(const std::string& path,
                                          std::span<const std::string_view> pieces);

// The contents of a file, or "cannot read 'PATH': reason".
Expected<std::string, std::string> ReadWhole(const std::string& path);

}  // namespace eta::tensor
