// A seed that nobody can foresee.
#pragma once

#include <cstdint>
#include <random>

namespace eta {

inline uint64_t RandomSeed() {
  std::random_device device;
  return uint64_t{device()} << 32 | device();
}

}  // namespace eta
