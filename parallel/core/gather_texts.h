// Texts of any length from all ranks to all, also where these are in several processes.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "parallel/core/world.h"

namespace eta::parallel {

// Everybody's text, by rank. `name` is what messages call the meeting; static storage. Error: the
// world is over. Thread safety: the rank's thread.
Result<std::vector<std::string>> GatherTexts(Member& member, const char* name,
                                             std::string_view mine, Site site);

}  // namespace eta::parallel
