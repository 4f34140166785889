// How much memory a VM may use when nobody says.
#pragma once

#include <cstddef>
#include <string>

#include "base/expected.h"

namespace eta {

// ETA_HEAP_SOFT_LIMIT (a number of bytes with an optional suffix K, M or G, per process) where it
// is set, otherwise three quarters of what the process may use by its control group and the
// machine; divided by `vm_count`. Error: what is wrong with the variable's value.
Expected<size_t, std::string> HeapLimitBytes(int vm_count);

// "150M" -> 157286400. Error: the text is not a size.
Expected<size_t, std::string> ParseByteSize(const std::string& text);

}  // namespace eta
