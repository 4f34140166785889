// ParameterWatch: notices that a program changes parameters between training steps, by their
// version counters; it costs a look at each. What only one replica changes would be mixed in
// without a word, so the ranks compare values then.
//
// Thread safety: the isolate's thread.
#pragma once

#include <cstdint>
#include <string>

#include "torch/optimizer.h"

namespace eta::parallel {

class ParameterWatch {
 public:
  // The parameters are the same on all ranks as they are now.
  void Trust(const tensor::Optimizer& optimizer) { trusted_ = VersionsOf(optimizer); }
  // Whether anybody has changed any since.
  bool Changed(const tensor::Optimizer& optimizer) const {
    return VersionsOf(optimizer) != trusted_;
  }

 private:
  static uint64_t VersionsOf(const tensor::Optimizer& optimizer);

  uint64_t trusted_ = 0;  // a sum: counters only grow
};

// "0.weight 83f09cdd3d4a8e1f", a line each: the same for the same bits. Throws what libtorch
// throws.
std::string DescribeValues(const tensor::Optimizer& optimizer);

}  // namespace eta::parallel
