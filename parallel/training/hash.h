// Hashes by which ranks find out whether they hold the same: equal on all ranks for equal contents,
// different otherwise but for a chance of 2^-64.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <span>
#include <string_view>

namespace eta::parallel {

uint64_t HashOf(std::span<const std::byte> bytes, uint64_t seed = 0);
inline uint64_t HashOf(std::string_view text) { return HashOf(std::as_bytes(std::span(text))); }

// Of dtype, shape and elements, bit by bit. May throw what libtorch throws.
uint64_t HashOf(const at::Tensor& tensor);

}  // namespace eta::parallel
