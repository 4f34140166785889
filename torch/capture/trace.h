// Trace: the operations that a piece of tensor code ran, as they arrive below autograd, with the
// memory that each reads and writes. Tensors are known by where they lie, not by their handles:
// autograd makes new handles of one tensor as it likes, and a view is nothing but another place.
#pragma once

#include <ATen/core/Tensor.h>
#include <ATen/core/dispatch/Dispatcher.h>
#include <ATen/core/ivalue.h>
#include <c10/core/Device.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace eta::tensor {

using at::Tensor;

// A storage, or of a batch's storage the part that the batch has.
struct TraceRegion {
  enum class Origin {
    kMade,   // by an operation of the trace
    kFixed,  // there before and after, always the same: parameters, their gradients, constants
    kBatch,  // there before, another one in each run
  };
  Origin origin;
  // Holds the address, but not the memory: so that it is not used again, and autograd sees as many
  // owners of a tensor as it does when nobody records.
  c10::weak_intrusive_ptr<c10::StorageImpl> storage;
  int64_t begin = 0;  // bytes from the storage's start
  int64_t bytes = 0;
  c10::Storage kept;  // of a fixed one
  size_t maker = 0;   // of one that was made: the operation
};

// Elements of a region.
struct TraceTensor {
  size_t region;
  int64_t offset;  // bytes from the region's begin
  std::vector<int64_t> sizes, strides;
  at::ScalarType dtype;
  Tensor number;  // a number of the program that libtorch wrapped, which promotes types otherwise

  bool operator==(const TraceTensor& other) const {
    return region == other.region && offset == other.offset && sizes == other.sizes &&
           strides == other.strides && dtype == other.dtype && number.is_same(other.number);
  }
};

// Whether it is contiguous.
bool LiesWithoutGaps(const TraceTensor& tensor);
// Bytes from its region's begin to its own end.
int64_t EndOf(const TraceTensor& tensor);
// Whether the memory from the first to the last element of one has any of the other's.
bool Overlap(const TraceTensor& a, const TraceTensor& b);

inline constexpr size_t kNoTensor = static_cast<size_t>(-1);

struct TraceArgument {
  enum class Kind { kValue, kTensor, kTensors, kOptionalTensors };
  Kind kind = Kind::kValue;
  c10::IValue value;            // of a kValue
  std::vector<size_t> tensors;  // of the others; kNoTensor stands for none
};

struct TraceOp {
  c10::OperatorHandle op;
  std::vector<TraceArgument> arguments;
  std::vector<size_t> results;
  bool makes_views = false;  // and nothing else
  bool writes = false;       // to its arguments
  // Of the language, that called it; empty if it is the one that made the recorder.
  std::string_view caller;
};

// Calls f(index) for each of its tensors.
template <class F>
void ForEachTensor(const TraceOp& op, const F& f) {
  const auto all = [&](const std::vector<size_t>& tensors) {
    for (size_t tensor : tensors) {
      if (tensor != kNoTensor) f(tensor);
    }
  };
  for (const TraceArgument& argument : op.arguments) all(argument.tensors);
  all(op.results);
}

// Whether its result may hold anything.
bool OnlyTakesMemory(const c10::OperatorHandle& op);

struct Trace {
  c10::Device device = c10::kCPU;  // where all of it lies, but for wrapped numbers
  std::vector<TraceRegion> regions;
  std::vector<TraceTensor> tensors;
  std::vector<TraceOp> ops;
  std::vector<size_t> reads;  // tensors of one element that the program read, in order
  size_t pause = 0;           // where the first part ends: a count of operations
  std::string problem;        // why the trace cannot be repeated; empty: it can
};

// Whether some values of its arguments are errors, such as an index that is out of range: then it
// is run again though nobody uses what it makes.
bool MayFail(const Trace& trace, const TraceOp& op);

}  // namespace eta::tensor
