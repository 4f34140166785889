// An environment of a test's own.
#pragma once

#include <map>
#include <string>

#include "parallel/core/job/launcher.h"

namespace eta::parallel {

using Variables = std::map<std::string, std::string>;

// `variables` outlives it.
inline Environment EnvironmentOf(const Variables& variables) {
  return [&](const char* name) -> const char* {
    const auto found = variables.find(name);
    return found == variables.end() ? nullptr : found->second.c_str();
  };
}

}  // namespace eta::parallel
