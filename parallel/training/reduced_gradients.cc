#include "parallel/training/reduced_gradients.h"

namespace eta::parallel {
namespace {

uint32_t VersionOf(const at::Tensor& tensor) {
  return tensor.unsafeGetTensorImpl()->version_counter().current_version();
}

}  // namespace

void ReducedGradients::Add(const at::Tensor& parameter) {
  const at::Tensor& gradient = parameter.grad();
  std::erase_if(seen_, [](const auto& entry) { return entry.second.gradient.expired(); });
  seen_.insert_or_assign(parameter.unsafeGetTensorImpl(),
                         Seen{Weak(gradient.getIntrusivePtr()), VersionOf(gradient)});
}

bool ReducedGradients::Covers(const at::Tensor& parameter, const at::Tensor& gradient) const {
  const auto it = seen_.find(parameter.unsafeGetTensorImpl());
  return it != seen_.end() && it->second.version == VersionOf(gradient) &&
         it->second.gradient.lock().get() == gradient.unsafeGetTensorImpl();
}

std::optional<std::string> ReducedGradients::Objection(const tensor::Optimizer& optimizer,
                                                       const tensor::ArenaRegistry& arenas) const {
  for (const auto& [name, parameter] : optimizer.parameters()) {
    const at::Tensor gradient = tensor::VisibleGradient(arenas, parameter);
    if (!gradient.defined() || Covers(parameter, gradient)) continue;
    return "the gradient of " + name +
           " is this replica's own: call (average-gradients! model) after backward, or the "
           "replicas would drift apart";
  }
  return std::nullopt;
}

}  // namespace eta::parallel
