// BufferUndo: takes back what a training step does to the buffers of a model, such as the running
// statistics of a batch normalization, if it comes to nothing. A model without buffers pays
// nothing, others little more than the copies.
//
// Thread safety: the isolate's thread.
#pragma once

#include <memory>
#include <vector>

#include "torch/module.h"

namespace eta::tensor {

class BufferUndo {
 public:
  // Before the forward pass of `model`: keeps its buffers as they are, unless that has been done
  // since the last Forget or Restore. May throw what libtorch throws.
  void Save(const std::shared_ptr<Module>& model);
  // Makes the buffers what they were, if Save was called since.
  void Restore();
  // They stay as they are.
  void Forget() { saved_ = false; }
  // The model may have other buffers from now on.
  void LayOut() { model_.reset(); }

 private:
  struct Kept {
    Tensor buffer, copy;
  };
  void Find(const std::shared_ptr<Module>& model);

  std::weak_ptr<Module> model_;  // whose these are
  std::vector<Kept> kept_;
  bool saved_ = false;
};

}  // namespace eta::tensor
