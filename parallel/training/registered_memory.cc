#include "parallel/training/registered_memory.h"

#include <utility>

namespace eta::parallel {

Status RegisteredMemory::Hold(std::vector<at::Tensor> tensors, const ExchangePlace& place,
                              Communicator& communicator) {
  Release();
  communicator_ = &communicator;
  tensors_ = std::move(tensors);
  for (const at::Tensor& tensor : tensors_) {
    const Buffer buffer = place.BufferOf(tensor);
    if (Status s = communicator.Register(buffer); !s.ok()) return s;
    buffers_.push_back(buffer);
  }
  return {};
}

// After an abort the communicator has forgotten them by itself.
void RegisteredMemory::Release() {
  for (const Buffer& buffer : buffers_) (void)communicator_->Deregister(buffer);
  buffers_.clear();
  tensors_.clear();
  communicator_ = nullptr;
}

}  // namespace eta::parallel
