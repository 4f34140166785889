// ParameterWatch: notices that a program changes parameters other than by training steps, by their
// version counters; it costs a look at each. What only one replica changes would be mixed in
// without a word, so the ranks compare values then.
//
// Thread safety: the isolate's thread.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "torch/module.h"

namespace eta::parallel {

class ParameterWatch {
 public:
  // From now on it is about these, which are the same on all ranks as they are now.
  void LayOut(std::vector<tensor::NamedParameter> parameters) {
    parameters_ = std::move(parameters);
    Trust();
  }
  void Trust() {
    changed_ = false;
    seen_ = Versions();
  }
  // Whether the program has changed any since.
  bool Changed() { return changed_ |= Versions() != seen_; }
  // A step that updates some of them, of this optimizer or another, begins and ends: what it does
  // itself is no change.
  void BeginUpdate() { (void)Changed(); }
  void EndUpdate() { seen_ = Versions(); }

  // "0.weight 83f09cdd3d4a8e1f", a line each: the same for the same bits. Throws what libtorch
  // throws.
  std::string DescribeValues() const;

 private:
  uint64_t Versions() const;

  std::vector<tensor::NamedParameter> parameters_;
  uint64_t seen_ = 0;  // a sum: counters only grow
  bool changed_ = false;
};

}  // namespace eta::parallel
