// Graphs of the device in host_accelerator.h: calls that are recorded, and run when the graph is
// launched, on the memory that they were recorded with. Like a GPU it records no copies from and to
// the CPU, and draws only from a generator that it was told of. What a capture makes is the
// graph's, full of NaNs until it is launched.
#pragma once

#include <ATen/core/Generator.h>
#include <ATen/core/Tensor.h>
#include <ATen/core/dispatch/Dispatcher.h>
#include <ATen/core/stack.h>

#include <functional>
#include <vector>

namespace eta::tensor {

using at::Tensor;

// What a graph consists of. Thread safety: one thread.
class HostTape {
 public:
  // That which the thread records on; null: none, calls run.
  static HostTape* Current();

  explicit HostTape(at::Generator generator) : generator_(std::move(generator)) {}
  // While in scope calls of this thread are recorded.
  class Scope {
   public:
    explicit Scope(HostTape& tape);
    ~Scope();
  };
  // Throws c10::Error where a GPU would.
  void Record(const c10::OperatorHandle& op, torch::jit::Stack* stack);
  // What was made while it records lies in memory of the tape's.
  void KeepMemory(const Tensor& made);
  void Play() const;

 private:
  const at::Generator generator_;
  std::vector<std::function<void()>> calls_;
  std::vector<c10::DataPtr> memory_;  // of what the calls make
};

}  // namespace eta::tensor
