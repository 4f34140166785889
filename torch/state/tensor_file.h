// Tensors in files: between libtorch's tensors and the bytes of torch/state/safetensors.h.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "torch/module.h"
#include "torch/state/safetensors.h"

namespace eta::tensor {

// Tensors to be written, and their memory until that is done.
class TensorsToStore {
 public:
  // Throws c10::Error if the name is taken or the dtype cannot be stored.
  void Add(const std::string& name, const Tensor& tensor);
  void AddAll(const std::string& prefix, const std::vector<NamedParameter>& tensors);
  // Throws c10::Error if it cannot be written.
  void Write(const std::string& path, const Metadata& metadata = {}) const;

 private:
  std::map<std::string, Tensor> tensors_;  // contiguous, on the CPU
};

// Throws c10::Error with the reason.
Safetensors ReadSafetensors(const std::string& path);
// A new tensor on the CPU. Throws c10::Error if Eta has no such dtype.
Tensor ToTensor(const StoredTensor& stored);

// New values for existing tensors. All of them are checked first; then Assign cannot fail.
class Assignment {
 public:
  // `places` get the tensors of these names, with `prefix` in front, out of the file; and
  // there is no other of that prefix. Values of another dtype are refused, or converted.
  // Throws c10::Error if anything does not fit; `path` is for that message.
  void Plan(const Safetensors& file, const std::string& path, const std::string& prefix,
            const std::vector<NamedParameter>& places, bool may_convert);
  void Assign() const;

 private:
  std::vector<std::pair<Tensor, Tensor>> values_;  // (place, value)
};

}  // namespace eta::tensor
