// GradientReducer: one step's sums of gradients over ranks that do not reach each other's memory,
// bucket by bucket: a bucket leaves as soon as the backward pass has finished the gradients in it,
// and on a device it travels beside the rest of the pass.
//
//   GradientReducer reducer(...);
//   {
//     Listening listening(*news, reducer);
//     ... backward ...
//   }
//   reducer.LaunchRest();
//   Status status = reducer.Wait();   // the sums are where the gradients were
//
// All ranks launch the same buckets in the same order, whatever becomes of their own passes: one
// that fails in its own launches what is left, so that nobody waits for it, and then says so.
//
// Thread safety: the isolate's thread.
#pragma once

#include <cstdint>
#include <vector>

#include "parallel/core/communicator.h"
#include "parallel/core/phase_log.h"
#include "parallel/training/gradient_buckets.h"
#include "parallel/training/step_memory.h"

namespace eta::parallel {

// Lives for one step.
class GradientReducer final : public GradientListener {
 public:
  struct Parts {
    tensor::Optimizer& optimizer;
    const GradientBuckets& buckets;
    Communicator& communicator;
    double weight;  // of this rank's gradients in the sums
    Site site;
    PhaseLog& log;
    const ExchangePlace& place;  // of the gradients
  };
  explicit GradientReducer(const Parts& parts);

  // Throws c10::Error if the gradient has left already: it was written twice.
  void OnGradient(const at::Tensor& parameter, bool held) override;
  // What has not left. Gradients that were not written count as zeros.
  void LaunchRest();

  // Waits for all that was launched. Not ok: the world is over. REQUIRES: LaunchRest.
  Status Wait();

  // On the CPU: the first element of this rank's own gradients that was not finite.
  const Nonfinite& nonfinite() const { return nonfinite_; }
  // The parameters whose gradients became ready, in that order.
  const std::vector<uint32_t>& ready() const { return ready_; }

 private:
  void LaunchReady();
  void Launch(const Bucket& bucket, uint32_t number);
  void Send(const Bucket& bucket, uint32_t number);
  void LookAt(const GradientPlace& place, const Buffer& buffer);

  const Parts parts_;
  std::vector<size_t> missing_;   // gradients, by bucket
  std::vector<uint8_t> written_;  // whether it was, by parameter
  size_t launched_ = 0;           // buckets
  std::vector<uint32_t> ready_;
  std::vector<Work> works_;
  Status status_;
  Nonfinite nonfinite_;
};

}  // namespace eta::parallel
