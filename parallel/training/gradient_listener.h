// Who is told when a backward pass, or the replay of one, has finished the gradient of a parameter.
//
// A parameter that announces its gradients does so for good, to whoever listens at the moment. If
// nobody does, it costs one look per backward pass.
//
// Thread safety: the isolate's thread, on which its backward passes run.
#pragma once

#include <ATen/core/Tensor.h>

#include <memory>

namespace eta::parallel {

class GradientListener {
 public:
  virtual ~GradientListener() = default;
  // The gradient is in `parameter`'s place for it. `held`: until this returns autograd holds on to
  // it, and what is large would have to be copied. May throw, which ends the backward pass.
  virtual void OnGradient(const at::Tensor& parameter, bool held) = 0;
};

// The place at which one may listen.
struct GradientNews {
  GradientListener* listener = nullptr;
};

// From now on `parameter` tells the listener at `news`, and no other.
void Announce(const at::Tensor& parameter, std::shared_ptr<GradientNews> news);

// Listens while in scope.
class Listening {
 public:
  Listening(GradientNews& news, GradientListener& listener) : news_(news) {
    news_.listener = &listener;
  }
  ~Listening() { news_.listener = nullptr; }
  Listening(const Listening&) = delete;
  Listening& operator=(const Listening&) = delete;

 private:
  GradientNews& news_;
};

}  // namespace eta::parallel
