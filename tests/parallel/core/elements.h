// Buffers of any dtype, for tests that run over all of them.
#pragma once

#include <algorithm>
#include <cstring>
#include <vector>

#include "parallel/core/buffer.h"
#include "parallel/core/half.h"

namespace eta::parallel {

// Owns `count` elements of a dtype and writes them as doubles.
class Elements {
 public:
  Elements(DType dtype, size_t count)
      : dtype_(dtype), count_(count), bytes_(count * SizeOf(dtype)) {}

  Buffer buffer() { return {bytes_.data(), count_, dtype_}; }
  // Elements [begin, begin + count).
  Buffer part(size_t begin, size_t count) {
    return {bytes_.data() + begin * SizeOf(dtype_), count, dtype_};
  }
  const std::vector<std::byte>& bytes() const { return bytes_; }
  size_t count() const { return count_; }

  // Repeats the first `period` elements to the end.
  void Repeat(size_t period) {
    const size_t stride = period * SizeOf(dtype_);
    for (size_t at = stride; at < bytes_.size(); at += stride) {
      std::memcpy(&bytes_[at], &bytes_[0], std::min(stride, bytes_.size() - at));
    }
  }

  void Set(size_t i, double value) {
    switch (dtype_) {
      case DType::kFloat64:
        return Put(i, value);
      case DType::kFloat32:
        return Put(i, static_cast<float>(value));
      case DType::kFloat16:
        return Put(i, ToFloat16(static_cast<float>(value)));
      case DType::kBFloat16:
        return Put(i, ToBFloat16(static_cast<float>(value)));
      case DType::kInt64:
        return Put(i, static_cast<int64_t>(value));
      case DType::kInt32:
        return Put(i, static_cast<int32_t>(value));
      case DType::kUInt8:
        return Put(i, static_cast<uint8_t>(value));
      case DType::kBool:
        return Put(i, static_cast<uint8_t>(value != 0));
    }
  }

 private:
  template <class T>
  void Put(size_t i, T value) {
    std::memcpy(bytes_.data() + i * sizeof(T), &value, sizeof(T));
  }
  DType dtype_;
  size_t count_;
  std::vector<std::byte> bytes_;
};

}  // namespace eta::parallel
