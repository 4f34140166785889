// What can be made of a program without running it.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "vm/span.h"

namespace eta {

enum class Product : uint8_t {
  kNothing,    // only whether it compiles
  kData,       // as the reader leaves it
  kExpansion,  // the core forms
  kAst,        // what the analyzer makes of them
  kBytecode,   // the instructions, as text
  kImage,      // for the loader (vm/image.h)
  kBareImage,  // the same without the places of the code
};

struct Compilation {
  std::string product;  // empty if there are errors
  // As many as could be found, in the order of the text: of reading and linking the first, of
  // expanding and analyzing one for each top-level form.
  std::vector<Diagnostic> errors;
  size_t modules = 0, procedures = 0;  // in the image
};

}  // namespace eta
