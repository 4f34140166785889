#include "torch/capture/trace.h"

#include <algorithm>

namespace eta::tensor {

bool OnlyTakesMemory(const c10::OperatorHandle& op) {
  static constexpr std::string_view kNames[] = {"aten::empty", "aten::empty_like",
                                                "aten::empty_strided", "aten::new_empty",
                                                "aten::new_empty_strided"};
  return std::ranges::find(kNames, op.schema().name()) != std::end(kNames);
}

bool MayFail(const Trace& trace, const TraceOp& op) {
  static constexpr std::string_view kNames[] = {"aten::linalg_", "aten::binary_cross_entropy",
                                                "aten::cholesky", "aten::inverse"};
  const std::string_view name = op.op.schema().name();
  const auto begins = [&](std::string_view begin) { return name.starts_with(begin); };
  if (std::ranges::any_of(kNames, begins)) return true;
  return std::ranges::any_of(op.arguments, [&](const TraceArgument& argument) {
    return std::ranges::any_of(argument.tensors, [&](size_t tensor) {
      return tensor != kNoTensor && at::isIntegralType(trace.tensors[tensor].dtype, false);
    });
  });
}

bool LiesWithoutGaps(const TraceTensor& tensor) {
  int64_t stride = 1;
  for (size_t i = tensor.sizes.size(); i-- > 0; stride *= tensor.sizes[i]) {
    if (tensor.sizes[i] != 1 && tensor.strides[i] != stride) return false;
  }
  return true;
}

int64_t EndOf(const TraceTensor& tensor) {
  int64_t elements = 1;
  for (size_t i = 0; i < tensor.sizes.size(); ++i) {
    if (tensor.sizes[i] == 0) return tensor.offset;
    elements += (tensor.sizes[i] - 1) * tensor.strides[i];
  }
  return tensor.offset + elements * static_cast<int64_t>(c10::elementSize(tensor.dtype));
}

bool Overlap(const TraceTensor& a, const TraceTensor& b) {
  return a.region == b.region && a.offset < EndOf(b) && b.offset < EndOf(a);
}

}  // namespace eta::tensor
