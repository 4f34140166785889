// What a process could not write and no program was told of: parts of standard output, and of files
// that nobody closed. Whoever runs programs asks when they have ended. Thread safety: any thread.
#pragma once

#include <string>
#include <vector>

namespace eta {

struct Loss {
  std::string where;  // "standard output", or a path
  int error;          // the errno
};

// The first one counts of all those with the same `where`.
void NoteLoss(std::string where, int error);

std::vector<Loss> Losses();

}  // namespace eta
