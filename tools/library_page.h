// docs/library.md: what every program can use, as its sources describe it.
#pragma once

#include <string>
#include <vector>

#include "vm/vm.h"

namespace eta {

struct LibraryPage {
  std::string text;
  std::vector<std::string> undescribed;  // "std.core: cadr", where the sources say nothing
};

// The forms, the builtins and the modules that need no tensors. Those that do are in docs/ops.md.
LibraryPage MakeLibraryPage(Vm& vm);

}  // namespace eta
