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
  // Before a step updates some of them, of this optimizer or another: notes whether the program has
  // changed any since.
  void Note() { changed_ |= Versions() != seen_; }
  // After that: what the step has done itself is no change.
  void PassOver() { seen_ = Versions(); }
  // Whether a change was noted.
  bool changed() const { return changed_; }

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
