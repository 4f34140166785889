// In what two texts differ, for messages.
#pragma once

#include <string>
#include <string_view>
#include <utility>

namespace eta::parallel {

// The first line in which the two texts differ, from each; "nothing" where one has ended. Empty
// lines if they do not differ.
std::pair<std::string, std::string> FirstDifference(std::string_view a, std::string_view b);

}  // namespace eta::parallel
