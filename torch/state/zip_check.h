// Whether a zip archive, which PyTorch's .pt files are, is as it was written.
#pragma once

#include <string_view>

namespace eta::tensor {

// Looks at every entry's checksum; libtorch does not. True for entries that were written without
// one (it is 0 then). False if anything does not fit, also for what is no archive.
bool ZipIsWhole(std::string_view archive);

}  // namespace eta::tensor
