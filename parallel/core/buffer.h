// Buffer: a view of contiguous elements that a collective reads or writes. It owns nothing.
#pragma once

#include <cstddef>
#include <cstdint>

#include "parallel/core/dtype.h"

namespace eta::parallel {

class DeviceStream;

struct Device {
  enum class Kind : uint8_t { kCpu, kCuda };
  Kind kind = Kind::kCpu;
  int16_t index = 0;

  friend bool operator==(const Device&, const Device&) = default;
};

struct Buffer {
  void* data = nullptr;  // may be null if count is 0
  size_t count = 0;      // elements, not bytes
  DType dtype = DType::kFloat64;
  Device device;
  // Where the buffer is written and read; null: the call completes before it returns.
  DeviceStream* stream = nullptr;

  size_t bytes() const { return count * SizeOf(dtype); }
};

// Sum wraps around for integers. Mean is the sum divided by the number of ranks, and is defined for
// floating types only. Max and min hand on a NaN (on GPUs that is up to NCCL). Bool has max (any)
// and min (all) only.
enum class ReduceOp : uint8_t { kSum, kMean, kMax, kMin };

constexpr const char* NameOf(ReduceOp op) {
  constexpr const char* kNames[] = {"sum", "mean", "max", "min"};
  return kNames[static_cast<int>(op)];
}

// Whether `op` has a meaning for `dtype`; collectives answer kInvalid where it has none.
constexpr bool CanReduce(DType dtype, ReduceOp op) {
  if (op == ReduceOp::kMean) return IsFloating(dtype);
  if (op == ReduceOp::kSum) return dtype != DType::kBool;
  return true;
}

}  // namespace eta::parallel
