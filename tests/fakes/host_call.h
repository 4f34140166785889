// One call of an operation of the device in host_accelerator.h: its tensors as tensors of the CPU
// that lie in the same memory, and back.
#pragma once

#include <ATen/core/Generator.h>
#include <ATen/core/Tensor.h>
#include <ATen/core/dispatch/Dispatcher.h>
#include <ATen/core/stack.h>

#include <unordered_map>
#include <utility>
#include <vector>

namespace eta::tensor {

using at::Tensor;

// Memory with NaNs in it.
Tensor NewHostTensor(at::IntArrayRef sizes, at::IntArrayRef strides, at::ScalarType dtype);

// A tensor of the CPU in the same memory, which must outlive it.
Tensor HostAlias(const Tensor& device);

// Draws what a generator of the CPU would.
at::Generator NewHostGenerator();

// Whether nothing runs.
bool MakesViews(const c10::FunctionSchema& schema);

// Lives for one call. Thread safety: one thread.
class HostCall {
 public:
  // On zeros: to see what comes out, and leave all as it is.
  enum class Memory { kShared, kZeros };

  explicit HostCall(const c10::OperatorHandle& op, Memory memory = Memory::kShared)
      : op_(op), memory_(memory) {}

  // Of the arguments on the stack. Throws c10::Error if one is not of the device.
  void ToHost(torch::jit::Stack* stack);
  // Of the results.
  void ToDevice(torch::jit::Stack* stack);

  // The results that lie in new memory, by their place among all.
  const std::vector<std::pair<size_t, Tensor>>& made() const { return made_; }
  // Those of the device that got other memory.
  const std::vector<Tensor>& resized() const { return resized_; }
  // Generators of the device that were given.
  const std::vector<at::Generator>& generators() const { return generators_; }

 private:
  c10::IValue ToHost(const c10::IValue& value);
  at::Generator ToHost(const at::Generator& generator);
  Tensor ToHost(const Tensor& tensor);
  c10::Storage HostStorageOf(const c10::Storage& storage) const;
  void FollowResize(const Tensor& host, const Tensor& device);
  c10::IValue ToDevice(const c10::IValue& value, size_t index);
  Tensor ToDevice(const Tensor& host, size_t index);
  const c10::IValue& ArgumentWith(const c10::AliasInfo& alias) const;

  const c10::OperatorHandle& op_;
  const Memory memory_;
  std::vector<c10::IValue> arguments_;
  std::unordered_map<c10::StorageImpl*, c10::Storage> storages_;
  std::vector<std::pair<Tensor, Tensor>> pairs_;  // on the CPU and on the device
  std::vector<std::pair<size_t, Tensor>> made_;
  std::vector<Tensor> resized_;
  std::vector<at::Generator> generators_;
};

}  // namespace eta::tensor
