// Compiling a program without running it.
#pragma once

#include <optional>
#include <string>

#include "tools/options.h"
#include "vm/vm.h"

namespace eta {

// What is made of the program; nothing if there are errors, which were reported on stderr. The
// module path is as for etai; an image names its sources by their paths from `image_directory`.
std::optional<Compilation> CompileProgram(const SourceFile& program,
                                          const std::optional<std::string>& path, Product product,
                                          const std::string& image_directory = "");

// Prints what a stage makes of the program that `options` names, or only checks it; yields the exit
// status.
int ShowStage(const Options& options);

}  // namespace eta
