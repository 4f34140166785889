#include "torch/capture/column_sum.h"

#include <algorithm>
#include <bit>

#include "base/vectorized.h"

namespace eta::tensor {
namespace {

constexpr int64_t kLevels = 4;
constexpr int64_t kPanel = 64;  // columns at a time, whose sums stay in registers

template <class T>
[[gnu::always_inline]] inline void AddRow(T* __restrict sum, const T* __restrict row,
                                          int64_t width) {
  for (int64_t j = 0; j < width; ++j) sum[j] += row[j];
}

// How many rows are added up one after the other, as a power of two.
[[gnu::always_inline]] inline int64_t Power(int64_t rows) {
  const auto log2 = rows <= 2 ? 1 : std::bit_width(static_cast<uint64_t>(rows - 1));
  return std::max<int64_t>(4, log2 / kLevels);
}

// The sums of some rows go to the next level, those of some such sums to the one after.
template <class T>
[[gnu::always_inline]] inline void Cascade(const T* x, int64_t step, int64_t rows, int64_t width,
                                           T* __restrict sum) {
  T levels[kLevels][kPanel] = {};
  const int64_t power = Power(rows), mask = (int64_t{1} << power) - 1;
  for (int64_t i = 1; i <= rows; ++i, x += step) {
    AddRow(levels[0], x, width);
    for (int64_t j = 1; j < kLevels && (i & (mask << ((j - 1) * power))) == 0; ++j) {
      AddRow(levels[j], levels[j - 1], width);
      std::fill_n(levels[j - 1], width, T{0});
    }
  }
  for (int64_t j = 1; j < kLevels; ++j) AddRow(levels[0], levels[j], width);
  std::copy_n(levels[0], width, sum);
}

// Each fourth row by itself.
template <class T>
[[gnu::always_inline]] inline void CascadeByFours(const T* x, int64_t step, int64_t rows,
                                                  int64_t width, T* __restrict sum) {
  T parts[4][kPanel];
  for (int64_t k = 0; k < 4; ++k) Cascade(x + k * step, 4 * step, rows / 4, width, parts[k]);
  for (int64_t i = rows / 4 * 4; i < rows; ++i) AddRow(parts[0], x + i * step, width);
  for (int64_t k = 1; k < 4; ++k) AddRow(parts[0], parts[k], width);
  std::copy_n(parts[0], width, sum);
}

// Libtorch takes four vectors of 32 bytes, or four numbers if there is no whole vector, at a time;
// what is left goes by fours. Its result is added to a zero, so that there is no -0.
template <class T>
[[gnu::always_inline]] inline void Sum(const T* x, int64_t rows, int64_t columns,
                                       T* __restrict sum) {
  constexpr int64_t kVector = 32 / sizeof(T);
  const int64_t group = columns < kVector ? 4 : 4 * kVector;
  const int64_t grouped = columns / group * group;
  int64_t j = 0;
  for (; j + kPanel <= grouped; j += kPanel) Cascade(x + j, columns, rows, kPanel, sum + j);
  if (j < grouped) Cascade(x + j, columns, rows, grouped - j, sum + j);
  for (j = grouped; j < columns; j += kPanel) {
    CascadeByFours(x + j, columns, rows, std::min(kPanel, columns - j), sum + j);
  }
  for (j = 0; j < columns; ++j) sum[j] += T{0};
}

}  // namespace

ETA_VECTORIZED void SumColumns(const float* x, int64_t rows, int64_t columns, float* sum) {
  Sum(x, rows, columns, sum);
}
ETA_VECTORIZED void SumColumns(const double* x, int64_t rows, int64_t columns, double* sum) {
  Sum(x, rows, columns, sum);
}

}  // namespace eta::tensor
