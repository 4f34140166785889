// What cond-expand can ask for.
#pragma once

#include <span>
#include <string_view>

namespace eta {

// The features of this build: the language, the system and the processor.
std::span<const std::string_view> FeatureNames();

}  // namespace eta
