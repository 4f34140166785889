// Reading a whole file, plain or gzipped.
#pragma once

#include <string>

#include "base/expected.h"

namespace eta::tensor {

// The contents of the file, unpacked if it starts as gzip data does, whatever its name. The error
// is one line that names the file: it is missing, unreadable, damaged or cut short.
// Thread safety: any thread.
Expected<std::string, std::string> ReadWholeFile(const std::string& path);

}  // namespace eta::tensor
