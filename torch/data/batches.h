// Batches: how a training loop goes through a dataset, and an Epoch, one pass through it.
//
// The batch sizes are those of the whole world: of each batch a rank takes a contiguous part, the
// parts lie in rank order, and the first `rows mod ranks` ranks take one row more. So every rank
// sees the same number of batches, of which its own part may be empty.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "torch/data/dataset.h"

namespace eta::tensor {

struct BatchOptions {
  int64_t batch_size = 32;
  bool shuffle = false;
  uint64_t seed = 0;       // of the order, with the number of the epoch
  bool drop_last = false;  // leave out the rows that do not fill a batch
};

struct Batch {
  Dataset own;   // this rank's part
  int64_t rows;  // of all parts
};

class Epoch {
 public:
  // `epoch` counts from 0. REQUIRES: batch_size > 0.
  Epoch(Dataset dataset, const BatchOptions& options, uint64_t epoch);

  // The same pass through another copy of the dataset.
  Epoch WithDataset(Dataset dataset) const;

  // The rank's rows (base/own_rows.h) of the next batch, or nothing after the last one.
  std::optional<Batch> Next(int rank, int world_size, int blocks = 1);
  const Dataset& dataset() const { return dataset_; }

 private:
  Dataset dataset_;
  int64_t batch_size_;
  std::vector<int64_t> order_;  // without the rows left out
  size_t position_ = 0;
};

// Thread safety: the isolate's thread.
class Batches {
 public:
  Batches(Dataset dataset, const BatchOptions& options, Value transform)
      : dataset_(std::move(dataset)), options_(options), transform_(transform) {}

  // Starts the next pass, in an order of its own if they are shuffled.
  Epoch Start() { return Epoch(dataset_, options_, epochs_++); }
  // The program's procedure that each batch's inputs go through; () if there is none.
  Value transform() const { return transform_; }
  void set_transform(Value transform) { transform_ = transform; }
  // The same, as far as it has come, of another copy of the dataset; without a transform.
  Batches WithDataset(Dataset dataset) const;
  const Dataset& dataset() const { return dataset_; }

 private:
  Dataset dataset_;
  BatchOptions options_;
  Value transform_;
  uint64_t epochs_ = 0;
};

// As values, printed #<batches> and #<epoch>.
extern const ForeignType kBatchesType;
extern const ForeignType kEpochType;
Value WrapBatches(Vm& vm, Batches batches);
Value WrapEpoch(Vm& vm, Epoch epoch);
inline Batches* BatchesIn(Value v) { return static_cast<Batches*>(ForeignData(v, &kBatchesType)); }
inline Epoch* EpochIn(Value v) { return static_cast<Epoch*>(ForeignData(v, &kEpochType)); }

}  // namespace eta::tensor
