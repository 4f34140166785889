#include "torch/data/batches.h"

#include <algorithm>

#include "base/own_rows.h"
#include "torch/data/epoch_order.h"

namespace eta::tensor {

Epoch::Epoch(Dataset dataset, const BatchOptions& options, uint64_t epoch)
    : dataset_(std::move(dataset)), batch_size_(options.batch_size) {
  const int64_t rows = dataset_.rows();
  order_ = options.shuffle ? ShuffledOrder(rows, options.seed, epoch) : PlainOrder(rows);
  if (options.drop_last) order_.resize(rows - rows % batch_size_);
}

std::optional<Batch> Epoch::Next(int rank, int world_size) {
  const std::span<const int64_t> left = std::span(order_).subspan(position_);
  if (left.empty()) return std::nullopt;
  const auto batch = left.first(std::min<size_t>(left.size(), batch_size_));
  position_ += batch.size();
  const auto rows = static_cast<int64_t>(batch.size());
  const RowRange own = OwnRows(rows, rank, world_size);
  return Batch{TakeRows(dataset_, batch.subspan(own.begin, own.count())), rows};
}

const ForeignType kBatchesType = {
    .name = "batches",
    .trace = [](void* data,
                Marker& marker) { marker.Mark(static_cast<Batches*>(data)->transform()); },
    .finalize = [](void* data) { delete static_cast<Batches*>(data); },
};
const ForeignType kEpochType = {
    .name = "epoch",
    .finalize = [](void* data) { delete static_cast<Epoch*>(data); },
};

Value WrapBatches(Vm& vm, Batches batches) {
  return vm.heap().Foreign(&kBatchesType, new Batches(std::move(batches)));
}
Value WrapEpoch(Vm& vm, Epoch epoch) {
  return vm.heap().Foreign(&kEpochType, new Epoch(std::move(epoch)));
}

}  // namespace eta::tensor
