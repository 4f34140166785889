// Where a program's text comes from.
#pragma once

#include <string>

#include "base/expected.h"
#include "tools/options.h"
#include "vm/vm.h"

namespace eta {

// Whether the text is in a file, and not given in full or on standard input.
bool IsInFile(const Options& options);

// The program that `options` names, read as a whole. Error: one sentence.
Expected<SourceFile, std::string> ReadProgram(const Options& options);

}  // namespace eta
