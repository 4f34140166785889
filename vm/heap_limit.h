// How much memory a VM may use when nobody says.
#pragma once

#include <cstddef>
#include <string>

#include "base/expected.h"

namespace eta {

// ETA_HEAP_SOFT_LIMIT (a number of bytes with an optional suffix K, M or G, per process) where it
// is set, otherwise three quarters of what the process may use by its control groups and the
// machine, or half of the address space that is left to it (`ulimit -v`) if that is less; divided
// by `vm_count`. Error: what is wrong with the variable's value.
Expected<size_t, std::string> HeapLimitBytes(int vm_count);

// "150M" -> 157286400. Error: the text is not a size.
Expected<size_t, std::string> ParseByteSize(const std::string& text);

// The least that the control groups of a process allow; the largest size where none limits it.
// `groups_file` names them ("/proc/self/cgroup"), `root` is their file system.
size_t ControlGroupBytes(const std::string& groups_file, const std::string& root);

}  // namespace eta
