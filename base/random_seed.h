// Seeds of random streams.
#pragma once

#include <cstdint>
#include <random>

namespace eta {

// One that nobody can foresee.
inline uint64_t RandomSeed() {
  std::random_device device;
  return uint64_t{device()} << 32 | device();
}

// A well-mixed seed for stream `number` of those that belong to `seed` (splitmix64).
inline uint64_t SeedOfStream(uint64_t seed, uint64_t number) {
  uint64_t z = seed + 0x9E3779B97F4A7C15u * (number + 1);
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
  return z ^ (z >> 31);
}

}  // namespace eta
