#include "parallel/training/gradient_listener.h"

#include <torch/csrc/autograd/function_hook.h>
#include <torch/csrc/autograd/variable.h>

#include <utility>

namespace eta::parallel {
namespace {

class Hook final : public torch::autograd::PostAccumulateGradHook {
 public:
  explicit Hook(std::shared_ptr<GradientNews> news) : news_(std::move(news)) {}

  void operator()(const at::Tensor& parameter) override {
    if (news_->listener != nullptr) news_->listener->OnGradient(parameter, /*held=*/true);
  }

 private:
  const std::shared_ptr<GradientNews> news_;
};

}  // namespace

void Announce(const at::Tensor& parameter, std::shared_ptr<GradientNews> news) {
  torch::autograd::impl::set_post_acc_grad_hooks(parameter,
                                                 std::make_unique<Hook>(std::move(news)));
}

}  // namespace eta::parallel
