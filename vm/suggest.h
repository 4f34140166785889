// What a misspelt name was probably meant to be.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace eta {

// The candidate nearest to `name` by insertions, deletions, replacements and swaps of neighbours;
// empty when none is near enough to be a slip (a third of the name's length, at most 3).
std::string_view NearestName(std::string_view name, std::span<const std::string_view> candidates);

// " (did you mean 'NAME'?)" for the nearest candidate, or nothing.
std::string DidYouMean(std::string_view name, std::span<const std::string_view> candidates);

}  // namespace eta
