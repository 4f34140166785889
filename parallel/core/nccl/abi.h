// The part of NCCL's C interface that is used here, declared by ourselves, so that neither CUDA nor
// NCCL is needed to build. All of it is unchanged since 2.19; where a layout has grown since, this
// is the one of 2.19, which later versions accept as well.
#pragma once

#include <climits>
#include <cstddef>

#include "parallel/core/buffer.h"

namespace eta::parallel::nccl {

// NCCL calls it ncclResult_t.
enum class Answer : int {
  kSuccess,
  kUnhandledCudaError,
  kSystemError,
  kInternalError,
  kInvalidArgument,
  kInvalidUsage,
  kRemoteError,
  kInProgress,
};

enum class DataType : int {
  kInt8,
  kUint8,
  kInt32,
  kUint32,
  kInt64,
  kUint64,
  kFloat16,
  kFloat32,
  kFloat64,
  kBfloat16,
};

enum class RedOp : int { kSum, kProd, kMax, kMin, kAvg };

constexpr DataType DataTypeOf(DType dtype) {
  constexpr DataType kTypes[] = {DataType::kFloat64,  DataType::kFloat32, DataType::kFloat16,
                                 DataType::kBfloat16, DataType::kInt64,   DataType::kInt32,
                                 DataType::kUint8,    DataType::kUint8};
  return kTypes[static_cast<int>(dtype)];
}

// A mean travels as a sum and is divided afterwards: NCCL's own scales each term first, which
// rounds differently on each number of ranks.
constexpr RedOp RedOpOf(ReduceOp op) {
  constexpr RedOp kOps[] = {RedOp::kSum, RedOp::kSum, RedOp::kMax, RedOp::kMin};
  return kOps[static_cast<int>(op)];
}

struct UniqueId {
  char bytes[128];
};

// An opaque communicator, and a stream of the device.
using Handle = struct HandleTag*;
using Stream = void*;

constexpr int kOldestVersion = 21900;

struct Config {
  size_t size = sizeof(Config);
  unsigned int magic = 0xcafebeef;
  unsigned int version = kOldestVersion;
  int blocking = 0;
  int cga_cluster_size = INT_MIN;  // INT_MIN and null: NCCL decides
  int min_ctas = INT_MIN;
  int max_ctas = INT_MIN;
  const char* net_name = nullptr;
  int split_share = INT_MIN;
};

// Each function: its name behind "nccl", its result, its parameters.
#define ETA_NCCL_FUNCTIONS(X)                                                                      \
  X(GetVersion, Answer, (int* version))                                                            \
  X(GetUniqueId, Answer, (UniqueId * id))                                                          \
  X(CommInitRankConfig, Answer, (Handle * comm, int size, UniqueId id, int rank, Config* config))  \
  X(CommDestroy, Answer, (Handle comm))                                                            \
  X(CommAbort, Answer, (Handle comm))                                                              \
  X(CommGetAsyncError, Answer, (Handle comm, Answer * error))                                      \
  X(GetErrorString, const char*, (Answer code))                                                    \
  X(GetLastError, const char*, (Handle comm))                                                      \
  X(AllReduce, Answer,                                                                             \
    (const void* send, void* receive, size_t count, DataType type, RedOp op, Handle comm,          \
     Stream stream))                                                                               \
  X(ReduceScatter, Answer,                                                                         \
    (const void* send, void* receive, size_t receive_count, DataType type, RedOp op, Handle comm,  \
     Stream stream))                                                                               \
  X(AllGather, Answer,                                                                             \
    (const void* send, void* receive, size_t send_count, DataType type, Handle comm,               \
     Stream stream))                                                                               \
  X(Broadcast, Answer,                                                                             \
    (const void* send, void* receive, size_t count, DataType type, int root, Handle comm,          \
     Stream stream))                                                                               \
  X(Reduce, Answer,                                                                                \
    (const void* send, void* receive, size_t count, DataType type, RedOp op, int root,             \
     Handle comm, Stream stream))                                                                  \
  X(Send, Answer,                                                                                  \
    (const void* data, size_t count, DataType type, int peer, Handle comm, Stream stream))         \
  X(Recv, Answer, (void* data, size_t count, DataType type, int peer, Handle comm, Stream stream)) \
  X(GroupStart, Answer, ())                                                                        \
  X(GroupEnd, Answer, ())

// The same for what a library may lack, and what is then not done.
#define ETA_NCCL_OPTIONAL_FUNCTIONS(X)                                                  \
  X(CommRegister, Answer, (Handle comm, void* data, size_t bytes, void** registration), \
    "buffers are not registered")                                                       \
  X(CommDeregister, Answer, (Handle comm, void* registration), "buffers are not registered")

}  // namespace eta::parallel::nccl
