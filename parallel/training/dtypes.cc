#include "parallel/training/dtypes.h"

#include <c10/util/Exception.h>

namespace eta::parallel {

DType DTypeOf(at::ScalarType type) {
  switch (type) {
    case at::kDouble:
      return DType::kFloat64;
    case at::kFloat:
      return DType::kFloat32;
    case at::kHalf:
      return DType::kFloat16;
    case at::kBFloat16:
      return DType::kBFloat16;
    case at::kLong:
      return DType::kInt64;
    case at::kInt:
      return DType::kInt32;
    case at::kByte:
      return DType::kUInt8;
    case at::kBool:
      return DType::kBool;
    default:
      TORCH_CHECK(false, "tensors of dtype ", at::toString(type),
                  " do not travel between replicas");
  }
}

at::ScalarType ScalarTypeOf(DType dtype) {
  constexpr at::ScalarType kTypes[] = {at::kDouble, at::kFloat, at::kHalf, at::kBFloat16,
                                       at::kLong,   at::kInt,   at::kByte, at::kBool};
  return kTypes[static_cast<int>(dtype)];
}

Buffer BufferOf(const at::Tensor& tensor) {
  TORCH_CHECK(tensor.is_cpu(), "replicas exchange tensors on the CPU only, this one is on ",
              tensor.device().str());
  return {.data = tensor.data_ptr(),
          .count = static_cast<size_t>(tensor.numel()),
          .dtype = DTypeOf(tensor.scalar_type())};
}

}  // namespace eta::parallel
