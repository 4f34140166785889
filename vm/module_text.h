// A file before expansion, taken apart into its modules.
#pragma once

#include <vector>

#include "vm/special_forms.h"

namespace eta {

// A module, in the stretches that the file has it in.
struct ModuleText {
  Name name = nullptr;
  SourceSpan span;
  bool is_script = false;
  std::vector<Items> stretches;
};

// One of them: which one of which module.
struct Stretch {
  size_t module, index;
};

// What a file consists of, in order.
struct FileText {
  std::vector<ModuleText> modules;
  std::vector<Stretch> stretches;
};

}  // namespace eta
