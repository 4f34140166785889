// OwnRows: which rows a rank takes where ranks share out rows: contiguous blocks in rank order, the
// first `rows mod size` ranks have one row more. A rank may own none.
//
// Ranks may have several blocks each. Then the rows are shared out in size * blocks of them, and a
// rank's rows are those of its blocks: a division that does not depend on the number of ranks if
// that product does not. OwnRows of a rank's own rows gives its blocks.
#pragma once

#include <algorithm>
#include <cstdint>

namespace eta {

struct RowRange {
  int64_t begin, end;
  int64_t count() const { return end - begin; }
};

// REQUIRES: rows >= 0, blocks >= 1 and 0 <= rank < size.
constexpr RowRange OwnRows(int64_t rows, int rank, int size, int blocks = 1) {
  const int64_t all = int64_t{size} * blocks;
  const auto border = [&](int64_t r) { return rows / all * r + std::min(r, rows % all); };
  return {border(int64_t{rank} * blocks), border((int64_t{rank} + 1) * blocks)};
}

}  // namespace eta
