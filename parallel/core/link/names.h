// Names of collectives as they come from other processes, as text.
#pragma once

#include "parallel/core/published.h"

namespace eta::parallel {

// The same text with static storage, as a Signature wants it; null for an empty one. Thread safety:
// any thread.
const char* StaticName(const Text& name);

}  // namespace eta::parallel
