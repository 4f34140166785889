// The version that the programs report.
#pragma once

namespace eta {

inline constexpr const char* kVersion = "0.1.0";

}  // namespace eta
