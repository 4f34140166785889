// The argument checks that all backends share, so that a wrong call gives the same message on one
// rank as on many.
#pragma once

#include <span>

#include "parallel/core/buffer.h"
#include "parallel/core/status.h"

namespace eta::parallel {

Status CheckAllReduce(const Buffer& input, const Buffer& output, ReduceOp op);
Status CheckAllReduce(std::span<const Buffer> buffers, ReduceOp op);
Status CheckReduceScatter(const Buffer& input, const Buffer& output, std::span<const size_t> counts,
                          ReduceOp op, int rank, int size);
Status CheckAllGather(const Buffer& input, const Buffer& output, std::span<const size_t> counts,
                      int rank, int size);
Status CheckAllToAll(const Buffer& input, const Buffer& output, std::span<const size_t> counts,
                     int rank, int size);
Status CheckBroadcast(const Buffer& buffer, int root, int size);

// For backends that work in the caller's thread on host memory.
Status CheckHost(const Buffer& buffer);
Status CheckHosts(const Buffer& input, const Buffer& output);

// For backends whose ranks have a device each, or share one: two buffers are in the order of one
// stream.
Status CheckOnDevice(const Buffer& buffer, Device device);
Status CheckOnDevice(const Buffer& input, const Buffer& output, Device device);

}  // namespace eta::parallel
