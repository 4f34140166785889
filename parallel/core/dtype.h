// DType: the element types that travel between ranks.
#pragma once

#include <cstddef>
#include <cstdint>

namespace eta::parallel {

// Each dtype: its enumerator, its name in messages, its size in bytes.
#define ETA_DTYPES(X)         \
  X(kFloat64, "float64", 8)   \
  X(kFloat32, "float32", 4)   \
  X(kFloat16, "float16", 2)   \
  X(kBFloat16, "bfloat16", 2) \
  X(kInt64, "int64", 8)       \
  X(kInt32, "int32", 4)       \
  X(kUInt8, "uint8", 1)       \
  X(kBool, "bool", 1)

enum class DType : uint8_t {
#define ETA_ENUMERATE(id, name, size) id,
  ETA_DTYPES(ETA_ENUMERATE)
#undef ETA_ENUMERATE
};

constexpr size_t SizeOf(DType dtype) {
  switch (dtype) {
#define ETA_SIZE(id, name, size) \
  case DType::id:                \
    return size;
    ETA_DTYPES(ETA_SIZE)
#undef ETA_SIZE
  }
  return 0;
}

constexpr const char* NameOf(DType dtype) {
  switch (dtype) {
#define ETA_NAME(id, name, size) \
  case DType::id:                \
    return name;
    ETA_DTYPES(ETA_NAME)
#undef ETA_NAME
  }
  return "?";
}

constexpr bool IsFloating(DType dtype) { return dtype <= DType::kBFloat16; }

}  // namespace eta::parallel
