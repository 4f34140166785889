// GradientBuckets: which of an optimizer's gradients travel together, and in which order they
// leave; the same on all ranks.
//
// Thread safety: the isolate's thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <unordered_map>
#include <vector>

#include "parallel/core/bucket_plan.h"
#include "parallel/training/gradient_listener.h"
#include "torch/optimizer.h"

namespace eta::parallel {

class GradientBuckets {
 public:
  // Begins anew, as if gradients became ready from the last to the first; all parameters announce
  // theirs at `news`. REQUIRES: optimizer.Prepare.
  void LayOut(const tensor::Optimizer& optimizer, const std::shared_ptr<GradientNews>& news);

  // From now on they become ready in this order; those that are not in it come last. It is taken
  // once after each LayOut, and only if it is not empty. All ranks are to be given the same.
  void Learn(std::span<const uint32_t> ready);
  bool learned() const { return learned_; }

  // From now on, also after LayOut, they are at most so large. REQUIRES: as long as this layout
  // lasts, no order was learned.
  void SetCap(size_t cap);
  // Whether they would be others with another cap.
  bool DependOnCap() const;

  // In the order in which they leave.
  const std::vector<Bucket>& buckets() const { return buckets_; }
  size_t BucketOf(size_t parameter) const { return bucket_of_[parameter]; }
  // Its index, or -1: it is none of the optimizer's.
  int IndexOf(const tensor::Tensor& parameter) const;

 private:
  void PlanLastFirst();
  void Plan(std::span<const size_t> order);

  BucketSizes sizes_;
  std::vector<size_t> in_memory_;      // parameters as they lie
  std::vector<GradientPlace> places_;  // of these
  std::unordered_map<const at::TensorImpl*, size_t> indices_;
  std::vector<Bucket> buckets_;  // with the parameters' indices
  std::vector<size_t> bucket_of_;
  bool learned_ = false;
};

}  // namespace eta::parallel
