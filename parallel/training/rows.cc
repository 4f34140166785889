#include "parallel/training/rows.h"

#include <c10/util/Exception.h>

#include "base/own_rows.h"
#include "parallel/isolate/host.h"
#include "parallel/isolate/rank_context.h"

namespace eta::parallel {

at::Tensor Shard(const at::Tensor& tensor, int rank, int size, int blocks) {
  TORCH_CHECK(tensor.dim() > 0, "a tensor without axes has no rows to share out");
  const RowRange own = OwnRows(tensor.size(0), rank, size, blocks);
  return tensor.narrow(0, own.begin, own.count());
}

at::Tensor Shard(const Vm& vm, const at::Tensor& tensor) {
  const RankContext* rank = RankContext::Of(vm);
  if (rank == nullptr) return Shard(tensor, 0, 1);
  const int size = rank->member.size();
  return Shard(tensor, rank->member.rank(), size, RowBlocks(HostOf(vm).shards, size));
}

}  // namespace eta::parallel
