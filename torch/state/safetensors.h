// The safetensors format, as Python's `safetensors` reads and writes it: the length of a header (8
// bytes, little-endian), the header in JSON, then the elements of all tensors without gaps. No
// libtorch here: a tensor is its bytes.
//
// Files of ours hold a checksum of the whole file in the header's metadata. A file of other
// software has none, and then only its structure can be checked.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/expected.h"

namespace eta::tensor {

// One tensor as it lies in a file. The bytes are somebody else's.
struct StoredTensor {
  std::string name;
  std::string dtype;  // "F64", "F32", "F16", "BF16", "I64", "I32", "U8", "BOOL" and others
  std::vector<int64_t> shape;
  std::string_view bytes;
};

using Metadata = std::map<std::string, std::string>;

// Writes a file, atomically. The tensors' names are distinct, their bytes as many as shape and
// dtype say. The error is one sentence with the path.
Expected<Ok, std::string> WriteSafetensors(const std::string& path,
                                           std::vector<StoredTensor> tensors,
                                           const Metadata& metadata);

// A file that was read. The tensors' bytes live as long as it or a copy of it.
class Safetensors {
 public:
  // Refuses whatever is not whole and right, with "'PATH' REASON".
  static Expected<Safetensors, std::string> Read(const std::string& path);

  // In the order of the names.
  const std::vector<StoredTensor>& tensors() const { return tensors_; }
  const StoredTensor* Find(std::string_view name) const;
  const Metadata& metadata() const { return metadata_; }
  // Of the whole file; empty for a file of other software.
  std::string checksum() const;

 private:
  Safetensors() = default;

  std::shared_ptr<const std::string> bytes_;
  std::vector<StoredTensor> tensors_;
  Metadata metadata_;
};

// Bytes of an element; 0 for a dtype that the format does not have.
size_t ElementSize(std::string_view dtype);

}  // namespace eta::tensor
