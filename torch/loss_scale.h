// LossScale: what a loss is multiplied with before the backward pass, so that gradients in float16
// do not vanish. The update divides by it.
//
// A dynamic one is found by trying: it halves whenever a gradient overflows, which skips that
// update, and doubles after many updates without one. All ranks see the same, and so have the same.
#pragma once

#include <algorithm>
#include <cstdint>

namespace eta::tensor {

class LossScale {
 public:
  static constexpr double kFirst = 65536;  // of a dynamic one
  static constexpr int64_t kPatience = 2000;

  LossScale() = default;
  static LossScale Fixed(double factor) { return LossScale(factor, false); }
  static LossScale Dynamic() { return LossScale(kFirst, true); }

  double factor() const { return factor_; }
  bool dynamic() const { return dynamic_; }
  int64_t good_updates() const { return good_updates_; }

  // An update went well.
  void Advance() {
    if (!dynamic_ || ++good_updates_ < kPatience) return;
    factor_ = std::min(factor_ * 2, kHighest);
    good_updates_ = 0;
  }
  // A gradient overflowed.
  void BackOff() {
    factor_ = std::max(factor_ / 2, kLowest);
    good_updates_ = 0;
  }
  // One that was saved.
  void Resume(double factor, int64_t good_updates) {
    factor_ = factor;
    good_updates_ = good_updates;
  }

 private:
  static constexpr double kLowest = 1, kHighest = 16777216;

  LossScale(double factor, bool dynamic) : factor_(factor), dynamic_(dynamic) {}

  double factor_ = 1;
  bool dynamic_ = false;
  int64_t good_updates_ = 0;
};

}  // namespace eta::tensor
