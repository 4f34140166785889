// The standard library's sources, kept in the program so that it runs without files of its own.
#pragma once

#include <span>
#include <string_view>

namespace eta {

struct EmbeddedFile {
  std::string_view path;  // below stdlib/, as "std/core.eta"
  std::string_view text;
};

// All files, ordered by path. The data is constant and lives as long as the program.
std::span<const EmbeddedFile> EmbeddedStdlib();

}  // namespace eta
