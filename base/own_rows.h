// OwnRows: which rows a rank takes where ranks share out rows: contiguous blocks in rank order, the
// first `rows mod size` ranks have one row more. A rank may own none.
#pragma once

#include <algorithm>
#include <cstdint>

namespace eta {

struct RowRange {
  int64_t begin, end;
  int64_t count() const { return end - begin; }
};

// REQUIRES: rows >= 0 and 0 <= rank < size.
constexpr RowRange OwnRows(int64_t rows, int rank, int size) {
  const auto border = [&](int64_t r) { return rows / size * r + std::min(r, rows % size); };
  return {border(rank), border(rank + 1)};
}

}  // namespace eta
