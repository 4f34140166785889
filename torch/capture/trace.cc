#include "torch/capture/trace.h"

#include <algorithm>

namespace eta::tensor {

bool OnlyTakesMemory(const c10::OperatorHandle& op) {
  static constexpr std::string_view kNames[] = {"aten::empty", "aten::empty_like",
                                                "aten::empty_strided", "aten::new_empty",
                                                "aten::new_empty_strided"};
  return std::ranges::find(kNames, op.schema().name()) != std::end(kNames);
}

bool LiesWithoutGaps(const TraceTensor& tensor) {
  int64_t stride = 1;
  for (size_t i = tensor.sizes.size(); i-- > 0; stride *= tensor.sizes[i]) {
    if (tensor.sizes[i] != 1 && tensor.strides[i] != stride) return false;
  }
  return true;
}

}  // namespace eta::tensor
