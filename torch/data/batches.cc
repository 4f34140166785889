#include "torch/data/batches.h"

#include <algorithm>

#include "base/own_rows.h"
#include "torch/data/epoch_order.h"
#include "torch/transfer.h"

namespace eta::tensor {

Epoch::Epoch(Dataset dataset, const BatchOptions& options, uint64_t epoch)
    : dataset_(std::move(dataset)), batch_size_(options.batch_size) {
  const int64_t rows = dataset_.rows();
  order_ = options.shuffle ? ShuffledOrder(rows, options.seed, epoch) : PlainOrder(rows);
  if (options.drop_last) order_.resize(rows - rows % batch_size_);
}

std::optional<Batch> Epoch::Next(int rank, int world_size, int blocks) {
  const std::span<const int64_t> left = std::span(order_).subspan(position_);
  if (left.empty()) return std::nullopt;
  const auto batch = left.first(std::min<size_t>(left.size(), batch_size_));
  position_ += batch.size();
  const auto rows = static_cast<int64_t>(batch.size());
  const RowRange own = OwnRows(rows, rank, world_size, blocks);
  return Batch{TakeRows(dataset_, batch.subspan(own.begin, own.count())), rows};
}

Epoch Epoch::WithDataset(Dataset dataset) const {
  Epoch copy = *this;
  copy.dataset_ = std::move(dataset);
  return copy;
}

Batches Batches::WithDataset(Dataset dataset) const {
  Batches copy = *this;
  copy.dataset_ = std::move(dataset);
  copy.transform_ = Value::Nil();
  return copy;
}

namespace {

// A copy of a T, which goes through a dataset.
template <class T>
void* Copy(const void* data, Transfer& transfer, const char* what) {
  const auto& original = *static_cast<const T*>(data);
  return Guarded(transfer, what, [&] {
    return new T(original.WithDataset(ShareDataset(transfer, original.dataset())));
  });
}

constexpr ForeignTransfer kBatchesTransfer = {
    .copy = [](const void* data,
               Transfer& transfer) { return Copy<Batches>(data, transfer, "batches"); },
    .values =
        [](const void* data, std::vector<Value>* out) {
          out->push_back(static_cast<const Batches*>(data)->transform());
        },
    .adopt =
        [](Vm&, void* data, std::span<const Value> values) {
          static_cast<Batches*>(data)->set_transform(values[0]);
        },
};
constexpr ForeignTransfer kEpochTransfer = {
    .copy = [](const void* data,
               Transfer& transfer) { return Copy<Epoch>(data, transfer, "an epoch"); },
};

}  // namespace

const ForeignType kBatchesType = {
    .name = "batches",
    .trace = [](void* data,
                Marker& marker) { marker.Mark(static_cast<Batches*>(data)->transform()); },
    .finalize = [](void* data) { delete static_cast<Batches*>(data); },
    .transfer = &kBatchesTransfer,
};
const ForeignType kEpochType = {
    .name = "epoch",
    .finalize = [](void* data) { delete static_cast<Epoch*>(data); },
    .transfer = &kEpochTransfer,
};

Value WrapBatches(Vm& vm, Batches batches) {
  return vm.heap().Foreign(&kBatchesType, new Batches(std::move(batches)));
}
Value WrapEpoch(Vm& vm, Epoch epoch) {
  return vm.heap().Foreign(&kEpochType, new Epoch(std::move(epoch)));
}

}  // namespace eta::tensor
