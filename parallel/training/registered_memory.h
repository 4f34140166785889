// RegisteredMemory: tensors that collectives will use again and again, as long as this holds them;
// the communicator has been told.
//
// Thread safety: the isolate's thread.
#pragma once

#include <ATen/core/Tensor.h>

#include <vector>

#include "parallel/core/communicator.h"
#include "parallel/training/exchange_place.h"

namespace eta::parallel {

class RegisteredMemory {
 public:
  RegisteredMemory() = default;
  ~RegisteredMemory() { Release(); }
  RegisteredMemory(const RegisteredMemory&) = delete;
  RegisteredMemory& operator=(const RegisteredMemory&) = delete;

  // Whether it holds something, for this communicator.
  bool IsOf(const Communicator& communicator) const { return communicator_ == &communicator; }

  // Holds these, and nothing else any more. Not ok: the world is over. The communicator outlives
  // that. Throws c10::Error if a tensor is not where `place` is.
  Status Hold(std::vector<at::Tensor> tensors, const ExchangePlace& place,
              Communicator& communicator);
  void Release();

 private:
  Communicator* communicator_ = nullptr;  // null: nothing is held
  std::vector<at::Tensor> tensors_;
  std::vector<Buffer> buffers_;  // those that were registered
};

}  // namespace eta::parallel
