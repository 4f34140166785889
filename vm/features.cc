#include "vm/features.h"

namespace eta {

std::span<const std::string_view> FeatureNames() {
  static constexpr std::string_view kNames[] = {
    "eta",
    "ieee-float",
#if defined(__unix__) || defined(__APPLE__)
    "posix",
    "unix",
#endif
#if defined(__linux__)
    "linux",
    "gnu-linux",
#elif defined(__APPLE__)
    "darwin",
#endif
#if defined(__x86_64__)
    "x86-64",
#elif defined(__aarch64__)
    "aarch64",
#endif
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    "little-endian",
#else
    "big-endian",
#endif
  };
  return kNames;
}

}  // namespace eta
