// ReducedGradients: which gradients are equal on all ranks, because the ranks averaged them and
// nobody wrote to them since. Seen by their version counters; no hooks are needed.
//
// Thread safety: the isolate's thread.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <optional>
#include <string>
#include <unordered_map>

#include "torch/arena.h"
#include "torch/optimizer.h"

namespace eta::parallel {

class ReducedGradients {
 public:
  // The gradient of `parameter`, as it is now, is the same on all ranks.
  void Add(const at::Tensor& parameter);

  // Why stepping `optimizer` would make the replicas differ, or nothing.
  std::optional<std::string> Objection(const tensor::Optimizer& optimizer,
                                       const tensor::ArenaRegistry& arenas) const;

 private:
  using Weak = c10::weak_intrusive_ptr<c10::TensorImpl, c10::UndefinedTensorImpl>;
  struct Seen {
    Weak gradient;
    uint32_t version;
  };
  bool Covers(const at::Tensor& parameter, const at::Tensor& gradient) const;

  std::unordered_map<const at::TensorImpl*, Seen> seen_;  // by parameter
};

}  // namespace eta::parallel
