#include "parallel/training/rows.h"

#include <c10/util/Exception.h>

#include "base/own_rows.h"

namespace eta::parallel {

at::Tensor Shard(const at::Tensor& tensor, int rank, int size, int blocks) {
  TORCH_CHECK(tensor.dim() > 0, "a tensor without axes has no rows to share out");
  const RowRange own = OwnRows(tensor.size(0), rank, size, blocks);
  return tensor.narrow(0, own.begin, own.count());
}

}  // namespace eta::parallel
