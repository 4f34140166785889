#include "torch/capture/trace.h"

#include <algorithm>

namespace eta::tensor {

bool OnlyTakesMemory(const c10::OperatorHandle& op) {
  static constexpr std::string_view kNames[] = {"aten::empty", "aten::empty_like",
                                                "aten::empty_strided", "aten::new_empty",
                                                "aten::new_empty_strided"};
  return std::ranges::find(kNames, op.schema().name()) != std::end(kNames);
}

}  // namespace eta::tensor
