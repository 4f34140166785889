// Typed access to buffers of any dtype, for tests that run over all of them.
#pragma once

#include <cstring>
#include <vector>

#include "parallel/core/buffer.h"
#include "parallel/core/half.h"

namespace eta::parallel {

// Owns `count` elements of a dtype and reads and writes them as doubles.
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

  double Get(size_t i) const {
    switch (dtype_) {
      case DType::kFloat64:
        return At<double>(i);
      case DType::kFloat32:
        return At<float>(i);
      case DType::kFloat16:
        return ToFloat(At<Float16>(i));
      case DType::kBFloat16:
        return ToFloat(At<BFloat16>(i));
      case DType::kInt64:
        return static_cast<double>(At<int64_t>(i));
      case DType::kInt32:
        return At<int32_t>(i);
      case DType::kUInt8:
      case DType::kBool:
        return At<uint8_t>(i);
    }
    return 0;
  }

 private:
  template <class T>
  void Put(size_t i, T value) {
    std::memcpy(bytes_.data() + i * sizeof(T), &value, sizeof(T));
  }
  template <class T>
  T At(size_t i) const {
    T value;
    std::memcpy(&value, bytes_.data() + i * sizeof(T), sizeof(T));
    return value;
  }

  DType dtype_;
  size_t count_;
  std::vector<std::byte> bytes_;
};

}  // namespace eta::parallel
