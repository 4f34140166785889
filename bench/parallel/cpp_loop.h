// CppLoop: the training step that train_step_bench measures, written by hand in C++: parameters,
// gradients and momentum are a flat tensor each, so that zeroing and updating are single calls.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

namespace eta {

// A multi-layer perceptron from 64 inputs to 10 classes.
struct Shape {
  int64_t layers, hidden, batch;
};

// Thread safety: one thread.
class CppLoop {
 public:
  explicit CppLoop(const Shape& shape);

  // Returns the loss.
  double Step();

 private:
  struct Layer {
    at::Tensor weight, bias;
  };

  at::Tensor Parameter(at::IntArrayRef shape, int64_t* used);

  at::Tensor parameters_, gradients_, momentum_;
  std::vector<Layer> layers_;
  at::Tensor input_, target_;
};

}  // namespace eta
