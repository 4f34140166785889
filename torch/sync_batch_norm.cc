#include "torch/sync_batch_norm.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/batch_norm.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/full.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/rsqrt.h>
#include <ATen/ops/zeros.h>
#include <torch/csrc/autograd/custom_function.h>

namespace eta::tensor {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::tensor_list;

// An error has been started in the Vm.
class SumFailed : public std::runtime_error {
 public:
  SumFailed() : std::runtime_error("the ranks could not add up their statistics") {}
};

Tensor SumOf(RankSums& ranks, const Tensor& numbers) {
  Tensor sums = numbers.detach().clone(at::MemoryFormat::Contiguous);
  if (!ranks.Sum(sums)) throw SumFailed();
  return sums;
}

// Sums over the ranks. The gradient of a number on one rank is the sum of those of all ranks' sums.
struct SumOverRanks : torch::autograd::Function<SumOverRanks> {
  static Tensor forward(AutogradContext* context, const Tensor& numbers, int64_t ranks) {
    context->saved_data["ranks"] = ranks;
    return SumOf(*reinterpret_cast<RankSums*>(ranks), numbers);
  }
  static tensor_list backward(AutogradContext* context, const tensor_list& gradients) {
    auto* ranks = reinterpret_cast<RankSums*>(context->saved_data["ranks"].toInt());
    return {SumOf(*ranks, gradients[0]), Tensor()};
  }
};

class SyncBatchNorm final : public Module {
 public:
  SyncBatchNorm(TensorContext& context, int64_t channels, double momentum, double epsilon)
      : momentum_(momentum), epsilon_(epsilon) {
    TORCH_CHECK(channels > 0, "the number of channels must be positive, got ", channels);
    const auto options = context.Options(std::nullopt);
    own_parameters_ = {{"weight", at::ones({channels}, options).set_requires_grad(true)},
                       {"bias", at::zeros({channels}, options).set_requires_grad(true)}};
    own_buffers_ = {{"running-mean", at::zeros({channels}, options)},
                    {"running-variance", at::ones({channels}, options)}};
  }
  std::shared_ptr<Module> CopySelf() const override {
    return std::make_shared<SyncBatchNorm>(*this);
  }
  bool MeetsOtherRanks() const override { return true; }
  Repetition repetition() const override { return Repetition::kNever; }

  Tensor Forward(TensorContext& context, const Tensor& x) override {
    TORCH_CHECK(x.dim() >= 2 && x.size(1) == weight().numel(), "axis 1 must have ",
                weight().numel(), " channels, the input's shape is ", x.sizes());
    auto* const ranks = context.vm().Attachment<RankSums>(kRankSums);
    if (training() && ranks != nullptr) {
      try {
        return NormalizeTogether(x, *ranks);
      } catch (const SumFailed&) {
        return Tensor();
      }
    }
    if (training()) CheckCount(static_cast<double>(x.numel()) / static_cast<double>(x.size(1)));
    return at::batch_norm(x, weight(), own_parameters_[1].tensor, mean(), variance(), training(),
                          momentum_, epsilon_, /*cudnn_enabled=*/true);
  }

 private:
  const Tensor& weight() const { return own_parameters_[0].tensor; }
  const Tensor& mean() const { return own_buffers_[0].tensor; }
  const Tensor& variance() const { return own_buffers_[1].tensor; }

  static void CheckCount(double count) {
    TORCH_CHECK(count > 1, "more than one value per channel is needed, there are ", count);
  }

  // Two passes, the second around the common mean: so nothing cancels.
  Tensor NormalizeTogether(const Tensor& x, RankSums& ranks) {
    const auto sum = [&](const Tensor& of) {
      std::vector<int64_t> axes;
      for (int64_t axis = 0; axis < x.dim(); ++axis) {
        if (axis != 1) axes.push_back(axis);
      }
      return of.sum(axes, /*keepdim=*/false, at::kDouble);
    };
    const auto add_up = [&](const Tensor& numbers) {
      return SumOverRanks::apply(numbers, reinterpret_cast<int64_t>(&ranks));
    };
    std::vector<int64_t> by_channel(static_cast<size_t>(x.dim()), 1);
    by_channel[1] = x.size(1);
    const auto spread = [&](const Tensor& t) { return t.to(x.scalar_type()).view(by_channel); };

    int64_t own_count = x.size(0);
    for (int64_t axis = 2; axis < x.dim(); ++axis) own_count *= x.size(axis);
    const Tensor own = sum(x);
    const Tensor totals =
        add_up(at::cat({own, at::full({1}, static_cast<double>(own_count), own.options())}));
    const double count = totals[x.size(1)].item().toDouble();
    CheckCount(count);
    const Tensor mean_of_all = totals.narrow(0, 0, x.size(1)) / count;
    const Tensor centered = x - spread(mean_of_all);
    const Tensor variance_of_all = add_up(sum(centered * centered)) / count;
    UpdateRunning(mean_of_all, variance_of_all, count);
    const Tensor scale = at::rsqrt(variance_of_all + epsilon_) * weight();
    return centered * spread(scale) + spread(own_parameters_[1].tensor);
  }

  void UpdateRunning(const Tensor& mean_of_all, const Tensor& variance_of_all, double count) {
    at::NoGradGuard no_grad;
    mean().mul_(1 - momentum_).add_(mean_of_all, momentum_);
    variance().mul_(1 - momentum_).add_(variance_of_all, momentum_ * count / (count - 1));
  }

  const double momentum_, epsilon_;
};

}  // namespace

std::shared_ptr<Module> MakeSyncBatchNorm(TensorContext& context, int64_t channels, double momentum,
                                          double epsilon) {
  return std::make_shared<SyncBatchNorm>(context, channels, momentum, epsilon);
}

}  // namespace eta::tensor
