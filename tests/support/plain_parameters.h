// A module that is nothing but parameters, so that a test needs no virtual machine.
#pragma once

#include <ATen/ops/full.h>

#include <memory>
#include <string>
#include <vector>

#include "torch/arena.h"
#include "torch/module.h"

namespace eta::tensor {

// So many doubles are a large parameter.
inline constexpr int64_t kLargeCount = ParameterArena::kLargeBytes / sizeof(double);

// p0, p1, ... of these sizes, all threes.
class PlainParameters final : public Module {
 public:
  explicit PlainParameters(const std::vector<int64_t>& sizes) {
    for (size_t i = 0; i < sizes.size(); ++i) {
      const Tensor threes = at::full({sizes[i]}, 3.0, at::kDouble);
      own_parameters_.push_back({"p" + std::to_string(i), threes.set_requires_grad(true)});
    }
  }
  std::shared_ptr<Module> CopySelf() const override {
    return std::make_shared<PlainParameters>(*this);
  }
  Tensor Forward(TensorContext&, const Tensor& input) override { return input; }
  const Tensor& operator[](size_t i) const { return own_parameters_[i].tensor; }
};

}  // namespace eta::tensor
