// The order in which an epoch visits the rows of a dataset.
#pragma once

#include <cstdint>
#include <vector>

namespace eta::tensor {

// A uniform permutation of 0 .. rows-1, a function of its arguments alone: the same on all ranks,
// platforms and libtorch versions. Different epochs of one seed are independent.
std::vector<int64_t> ShuffledOrder(int64_t rows, uint64_t seed, uint64_t epoch);

// 0 .. rows-1.
std::vector<int64_t> PlainOrder(int64_t rows);

}  // namespace eta::tensor
