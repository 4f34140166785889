#include "torch/loss.h"

#include <ATen/ExpandUtils.h>
#include <ATen/core/Reduction.h>
#include <ATen/ops/cross_entropy_loss.h>
#include <ATen/ops/l1_loss.h>
#include <ATen/ops/mse_loss.h>
#include <ATen/ops/ne.h>

namespace eta::tensor {
namespace {

constexpr int64_t kIgnoredClass = -100;  // libtorch's: such targets do not count

double BroadcastCount(const Tensor& a, const Tensor& b) {
  return static_cast<double>(c10::multiply_integers(at::infer_size(a.sizes(), b.sizes())));
}

LossTerms Mse(const Tensor& prediction, const Tensor& target) {
  return {at::mse_loss(prediction, target, at::Reduction::Sum), BroadcastCount(prediction, target)};
}

LossTerms L1(const Tensor& prediction, const Tensor& target) {
  return {at::l1_loss(prediction, target, at::Reduction::Sum), BroadcastCount(prediction, target)};
}

// Class indices count where they are not ignored; probabilities count once per row.
double CrossEntropyCount(const Tensor& logits, const Tensor& target) {
  if (logits.sizes() != target.sizes()) {
    return at::ne(target, kIgnoredClass).sum().item().toDouble();
  }
  const int64_t classes = logits.size(logits.dim() == 1 ? 0 : 1);
  return static_cast<double>(logits.numel()) / static_cast<double>(classes);
}

LossTerms CrossEntropy(const Tensor& logits, const Tensor& target) {
  Tensor sum = at::cross_entropy_loss(logits, target, {}, at::Reduction::Sum, kIgnoredClass);
  return {std::move(sum), CrossEntropyCount(logits, target)};
}

}  // namespace

LossTermsFn FindLossTerms(std::string_view name) {
  if (name == "nn/mse-loss") return &Mse;
  if (name == "nn/l1-loss") return &L1;
  if (name == "nn/cross-entropy-loss") return &CrossEntropy;
  return nullptr;
}

}  // namespace eta::tensor
