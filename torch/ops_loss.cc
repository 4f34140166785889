// Losses. Each has options after its tensors, and tells training steps what it is divided by.
#include <ATen/ExpandUtils.h>
#include <ATen/core/Reduction.h>
#include <ATen/ops/binary_cross_entropy.h>
#include <ATen/ops/binary_cross_entropy_with_logits.h>
#include <ATen/ops/cosine_embedding_loss.h>
#include <ATen/ops/cross_entropy_loss.h>
#include <ATen/ops/huber_loss.h>
#include <ATen/ops/kl_div.h>
#include <ATen/ops/l1_loss.h>
#include <ATen/ops/mse_loss.h>
#include <ATen/ops/ne.h>
#include <ATen/ops/nll_loss_nd.h>
#include <ATen/ops/smooth_l1_loss.h>
#include <ATen/ops/triplet_margin_loss.h>

#include <algorithm>
#include <tuple>
#include <utility>
#include <vector>

#include "torch/loss.h"
#include "torch/op.h"
#include "torch/op_table.h"
#include "torch/option_list.h"

namespace eta::tensor {
namespace {

using at::Reduction::Mean;

// The options of a loss.
class LossOptions {
 public:
  explicit LossOptions(const Rest<Value>& rest) : list_(rest.items) {}

  // 'mean, 'sum or 'none, as libtorch counts them.
  int64_t TakeReduction() {
    const auto given = list_.Take<Value>("reduction");
    if (!given) return Mean;
    const std::string name = IsSymbol(*given) ? SymbolName(*given) : "";
    if (name == "sum") return at::Reduction::Sum;
    if (name == "none") return at::Reduction::None;
    if (name != "mean") list_.Reject("reduction", "'mean, 'sum or 'none required");
    return Mean;
  }
  std::optional<Tensor> TakeTensor(std::string_view name) { return list_.Take<Tensor>(name); }
  double Number(std::string_view name, double otherwise) {
    return list_.Take<double>(name).value_or(otherwise);
  }
  int64_t Integer(std::string_view name, int64_t otherwise) {
    return list_.Take<int64_t>(name).value_or(otherwise);
  }
  bool Switch(std::string_view name) { return list_.Take<bool>(name).value_or(false); }
  void Check() const { list_.Check(); }

 private:
  OptionList list_;
};

std::vector<int64_t> BroadcastSizes(const Tensor& a, const Tensor& b) {
  return at::infer_size(a.sizes(), b.sizes());
}

double CountOf(const std::vector<int64_t>& sizes) {
  return static_cast<double>(c10::multiply_integers(sizes));
}

// A loss of each element: a mean over all of them. `compute` takes the tensors, of one size, and
// the reduction, the last of the options to be read. libtorch's own kernels would broadcast too,
// but divide the gradient by the elements of the prediction.
template <class F>
Tensor Elementwise(Call& call, const Tensor& prediction, const Tensor& target, LossOptions& options,
                   const F& compute) {
  const int64_t reduction = options.TakeReduction();
  options.Check();
  const auto spread = at::expand_outplace(prediction, target);
  const Tensor& p = *std::get<0>(spread);
  return NoteLoss(call.context(), compute(p, *std::get<1>(spread), reduction), reduction,
                  [&] { return static_cast<double>(p.numel()); });
}

// Of probabilities; PyTorch does not broadcast these either.
void CheckSameSize(const Tensor& prediction, const Tensor& target) {
  TORCH_CHECK(prediction.sizes() == target.sizes(), "the prediction has the size ",
              prediction.sizes(), ", the target ", target.sizes());
}

// What the mean over class indices is divided by: the targets that are not ignored, by weight.
Tensor ClassCount(const Tensor& target, const std::optional<Tensor>& weight, int64_t ignored) {
  const Tensor given = target.to(at::kLong);
  const Tensor counts = at::ne(given, ignored);
  if (!weight) return counts.sum();
  const Tensor classes = given.masked_fill(counts.logical_not(), 0);
  return weight->index_select(0, classes.flatten()).mul(counts.flatten()).sum();
}

// Probabilities count once for each distribution.
double DistributionCount(const Tensor& logits) {
  const int64_t classes = logits.size(logits.dim() == 1 ? 0 : 1);
  return static_cast<double>(logits.numel()) / static_cast<double>(classes);
}

constexpr int64_t kIgnoredClass = -100;  // libtorch's

Tensor CrossEntropy(Call& call, const Tensor& logits, const Tensor& target,
                    const Rest<Value>& rest) {
  LossOptions options(rest);
  const auto weight = options.TakeTensor("weight");
  const int64_t ignored = options.Integer("ignore-index", kIgnoredClass);
  const double smoothing = options.Number("label-smoothing", 0);
  const int64_t reduction = options.TakeReduction();
  options.Check();
  const bool probabilities = logits.sizes() == target.sizes();
  Tensor loss = at::cross_entropy_loss(logits, target, weight, reduction, ignored, smoothing);
  return NoteLoss(call.context(), std::move(loss), reduction, [&]() -> LossCount {
    if (probabilities) return DistributionCount(logits);
    return ClassCount(target, weight, ignored);
  });
}

Tensor Nll(Call& call, const Tensor& log_probabilities, const Tensor& target,
           const Rest<Value>& rest) {
  LossOptions options(rest);
  const auto weight = options.TakeTensor("weight");
  const int64_t ignored = options.Integer("ignore-index", kIgnoredClass);
  const int64_t reduction = options.TakeReduction();
  options.Check();
  Tensor loss = at::nll_loss_nd(log_probabilities, target, weight, reduction, ignored);
  return NoteLoss(call.context(), std::move(loss), reduction,
                  [&] { return ClassCount(target, weight, ignored); });
}

Tensor Cosine(Call& call, const Tensor& a, const Tensor& b, const Tensor& target,
              const Rest<Value>& rest) {
  LossOptions options(rest);
  const double margin = options.Number("margin", 0);
  const int64_t reduction = options.TakeReduction();
  options.Check();
  return NoteLoss(call.context(), at::cosine_embedding_loss(a, b, target, margin, reduction),
                  reduction, [&] {
                    auto rows = BroadcastSizes(a, b);
                    rows.erase(rows.begin() + target.dim());  // the axis of the vectors
                    return CountOf(at::infer_size(rows, target.sizes()));
                  });
}

Tensor Triplet(Call& call, const Tensor& anchor, const Tensor& positive, const Tensor& negative,
               const Rest<Value>& rest) {
  constexpr double kTiny = 1e-6;
  LossOptions options(rest);
  const double margin = options.Number("margin", 1);
  const double p = options.Number("p", 2);
  const bool swap = options.Switch("swap");
  const int64_t reduction = options.TakeReduction();
  options.Check();
  Tensor loss =
      at::triplet_margin_loss(anchor, positive, negative, margin, p, kTiny, swap, reduction);
  return NoteLoss(call.context(), std::move(loss), reduction, [&] {
    auto rows = at::infer_size(BroadcastSizes(anchor, positive), BroadcastSizes(anchor, negative));
    rows.pop_back();  // the axis of the vectors
    return CountOf(rows);
  });
}

Tensor Mse(Call& call, const Tensor& prediction, const Tensor& target, const Rest<Value>& rest) {
  LossOptions options(rest);
  return Elementwise(
      call, prediction, target, options,
      [&](const Tensor& p, const Tensor& t, int64_t r) { return at::mse_loss(p, t, r); });
}

Tensor L1(Call& call, const Tensor& prediction, const Tensor& target, const Rest<Value>& rest) {
  LossOptions options(rest);
  return Elementwise(
      call, prediction, target, options,
      [&](const Tensor& p, const Tensor& t, int64_t r) { return at::l1_loss(p, t, r); });
}

Tensor SmoothL1(Call& call, const Tensor& prediction, const Tensor& target,
                const Rest<Value>& rest) {
  LossOptions options(rest);
  const double beta = options.Number("beta", 1);
  return Elementwise(call, prediction, target, options,
                     [&](const Tensor& p, const Tensor& t, int64_t r) {
                       return at::smooth_l1_loss(p, t, r, beta);
                     });
}

Tensor Huber(Call& call, const Tensor& prediction, const Tensor& target, const Rest<Value>& rest) {
  LossOptions options(rest);
  const double delta = options.Number("delta", 1);
  return Elementwise(
      call, prediction, target, options,
      [&](const Tensor& p, const Tensor& t, int64_t r) { return at::huber_loss(p, t, r, delta); });
}

Tensor Bce(Call& call, const Tensor& prediction, const Tensor& target, const Rest<Value>& rest) {
  LossOptions options(rest);
  const auto weight = options.TakeTensor("weight");
  CheckSameSize(prediction, target);
  return Elementwise(call, prediction, target, options,
                     [&](const Tensor& p, const Tensor& t, int64_t r) {
                       return at::binary_cross_entropy(p, t, weight, r);
                     });
}

Tensor BceWithLogits(Call& call, const Tensor& logits, const Tensor& target,
                     const Rest<Value>& rest) {
  LossOptions options(rest);
  const auto weight = options.TakeTensor("weight");
  const auto positive = options.TakeTensor("positive-weight");
  CheckSameSize(logits, target);
  return Elementwise(call, logits, target, options,
                     [&](const Tensor& p, const Tensor& t, int64_t r) {
                       return at::binary_cross_entropy_with_logits(p, t, weight, positive, r);
                     });
}

Tensor Kl(Call& call, const Tensor& prediction, const Tensor& target, const Rest<Value>& rest) {
  LossOptions options(rest);
  const bool log_target = options.Switch("log-target");
  return Elementwise(
      call, prediction, target, options,
      [&](const Tensor& p, const Tensor& t, int64_t r) { return at::kl_div(p, t, r, log_target); });
}

template <LossFunction* compute>
constexpr auto kLoss =
    [](Call& call, const Tensor& prediction, const Tensor& target, const Rest<Value>& rest) {
      return compute(call, prediction, target, rest);
    };

// Those of a prediction and a target.
constexpr std::pair<std::string_view, LossFunction*> kLosses[] = {
    {"nn/mse-loss", Mse},
    {"nn/l1-loss", L1},
    {"nn/smooth-l1-loss", SmoothL1},
    {"nn/huber-loss", Huber},
    {"nn/bce-loss", Bce},
    {"nn/bce-with-logits-loss", BceWithLogits},
    {"nn/kl-loss", Kl},
    {"nn/cross-entropy-loss", CrossEntropy},
    {"nn/nll-loss", Nll},
};

constexpr NativeDef kOps[] = {
    Op<"nn/mse-loss">(
        kLoss<Mse>,
        "(mse-loss prediction target ['reduction r]): the mean squared difference; the reduction "
        "may be 'sum or 'none instead of 'mean, for every loss"),
    Op<"nn/l1-loss">(kLoss<L1>,
                     "(l1-loss prediction target ['reduction r]): the mean absolute difference"),
    Op<"nn/smooth-l1-loss">(
        kLoss<SmoothL1>,
        "(smooth-l1-loss prediction target ['beta 1] ['reduction r]): squared below beta, absolute "
        "above"),
    Op<"nn/huber-loss">(
        kLoss<Huber>,
        "(huber-loss prediction target ['delta 1] ['reduction r]): delta times smooth-l1-loss"),
    Op<"nn/bce-loss">(
        kLoss<Bce>,
        "(bce-loss prediction target ['weight w] ['reduction r]): cross entropy of probabilities "
        "of two classes"),
    Op<"nn/bce-with-logits-loss">(
        kLoss<BceWithLogits>,
        "(bce-with-logits-loss logits target ['weight w] ['positive-weight w] ['reduction r]): "
        "bce-loss of sigmoid(logits)"),
    Op<"nn/kl-loss">(
        kLoss<Kl>,
        "(kl-loss log-probabilities target ['log-target #t] ['reduction r]): the mean of target "
        "(log target - log-probabilities)"),
    Op<"nn/cross-entropy-loss">(
        kLoss<CrossEntropy>,
        "(cross-entropy-loss logits target ['weight w] ['ignore-index i] ['label-smoothing s] "
        "['reduction r]): against class probabilities or int64 class indices"),
    Op<"nn/nll-loss">(
        kLoss<Nll>,
        "(nll-loss log-probabilities classes ['weight w] ['ignore-index i] ['reduction r]): the "
        "mean of what the classes have, negated"),
    Op<"nn/cosine-loss">(
        [](Call& call, const Tensor& a, const Tensor& b, const Tensor& target,
           const Rest<Value>& rest) { return Cosine(call, a, b, target, rest); },
        "(cosine-loss a b target ['margin 0] ['reduction r]): 1 - cos where the target is 1, "
        "max(0, cos - margin) where it is -1"),
    Op<"nn/triplet-loss">(
        [](Call& call, const Tensor& anchor, const Tensor& positive, const Tensor& negative,
           const Rest<Value>& rest) { return Triplet(call, anchor, positive, negative, rest); },
        "(triplet-loss anchor positive negative ['margin 1] ['p 2] ['swap #t] ['reduction r]): how "
        "much farther than a margin the positive is than the negative"),
};

const OpTable table(kOps);

}  // namespace

LossFunction* FindLoss(std::string_view name) {
  const auto* found = std::find_if(std::begin(kLosses), std::end(kLosses),
                                   [&](const auto& loss) { return loss.first == name; });
  return found == std::end(kLosses) ? nullptr : found->second;
}

}  // namespace eta::tensor
