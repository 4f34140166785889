#include "parallel/core/check_args.h"

#include <numeric>
#include <string>

namespace eta::parallel {
namespace {

Status CheckBuffer(const Buffer& buffer) {
  if (buffer.data != nullptr || buffer.count == 0) return {};
  return Invalid("a buffer of " + std::to_string(buffer.count) + " elements without memory");
}

Status CheckReduce(DType dtype, ReduceOp op) {
  if (CanReduce(dtype, op)) return {};
  return Invalid(std::string(NameOf(op)) + " is not defined for " + NameOf(dtype));
}

Status CheckDTypes(const Buffer& a, const Buffer& b) {
  if (a.dtype == b.dtype) return {};
  return Invalid(std::string("input and output differ: ") + NameOf(a.dtype) + " and " +
                 NameOf(b.dtype));
}

Status CheckSize(const char* what, size_t actual, size_t expected) {
  if (actual == expected) return {};
  return Invalid(std::string("the ") + what + " has " + std::to_string(actual) +
                 " elements, the counts per rank make it " + std::to_string(expected));
}

// `whole` holds a part for each rank, `part` those of this rank, of which there are `copies`.
Status CheckParts(const Buffer& whole, const char* whole_name, const Buffer& part,
                  const char* part_name, std::span<const size_t> counts, int rank, int size,
                  int copies = 1) {
  if (counts.size() != static_cast<size_t>(size)) {
    return Invalid(std::to_string(counts.size()) + " counts for " + std::to_string(size) +
                   " ranks");
  }
  if (Status s = CheckDTypes(whole, part); !s.ok()) return s;
  if (Status s = CheckBuffer(whole); !s.ok()) return s;
  if (Status s = CheckBuffer(part); !s.ok()) return s;
  const size_t sum = std::accumulate(counts.begin(), counts.end(), size_t{0});
  if (Status s = CheckSize(whole_name, whole.count, sum); !s.ok()) return s;
  return CheckSize(part_name, part.count, counts[rank] * static_cast<size_t>(copies));
}

}  // namespace

Status CheckAllReduce(const Buffer& input, const Buffer& output, ReduceOp op) {
  if (Status s = CheckReduce(input.dtype, op); !s.ok()) return s;
  if (Status s = CheckDTypes(input, output); !s.ok()) return s;
  if (input.count != output.count) {
    return Invalid("the input has " + std::to_string(input.count) + " elements, the output " +
                   std::to_string(output.count));
  }
  if (Status s = CheckBuffer(input); !s.ok()) return s;
  return CheckBuffer(output);
}

Status CheckAllReduce(std::span<const Buffer> buffers, ReduceOp op) {
  if (buffers.empty()) return Invalid("no buffers");
  for (const Buffer& buffer : buffers) {
    if (Status s = CheckAllReduce(buffer, buffer, op); !s.ok()) return s;
    if (buffer.dtype != buffers[0].dtype) return Invalid("the buffers differ in dtype");
    if (buffer.stream != buffers[0].stream) return Invalid("the buffers differ in stream");
  }
  return {};
}

Status CheckReduceScatter(const Buffer& input, const Buffer& output, std::span<const size_t> counts,
                          ReduceOp op, int rank, int size) {
  if (Status s = CheckReduce(input.dtype, op); !s.ok()) return s;
  return CheckParts(input, "input", output, "output", counts, rank, size);
}

Status CheckAllGather(const Buffer& input, const Buffer& output, std::span<const size_t> counts,
                      int rank, int size) {
  return CheckParts(output, "output", input, "input", counts, rank, size);
}

Status CheckAllToAll(const Buffer& input, const Buffer& output, std::span<const size_t> counts,
                     int rank, int size) {
  return CheckParts(input, "input", output, "output", counts, rank, size, /*copies=*/size);
}

Status CheckBroadcast(const Buffer& buffer, int root, int size) {
  if (root >= 0 && root < size) return CheckBuffer(buffer);
  return Invalid("there is no rank " + std::to_string(root) + " among " + std::to_string(size));
}

Status CheckHost(const Buffer& buffer) {
  if (buffer.device.kind != Device::Kind::kCpu) return Invalid("the buffer is not on the CPU");
  if (buffer.stream != nullptr) return Invalid("the CPU has no streams");
  return {};
}

Status CheckHosts(const Buffer& input, const Buffer& output) {
  Status status = CheckHost(input);
  return status.ok() ? CheckHost(output) : status;
}

Status CheckOnDevice(const Buffer& buffer, Device device) {
  return buffer.device == device ? Status{} : Invalid("the buffer is not on the rank's device");
}

Status CheckOnDevice(const Buffer& input, const Buffer& output, Device device) {
  if (Status s = CheckOnDevice(input, device); !s.ok()) return s;
  if (Status s = CheckOnDevice(output, device); !s.ok()) return s;
  return input.stream == output.stream ? Status{} : Invalid("input and output differ in stream");
}

}  // namespace eta::parallel
