// Operations on datasets. std.data gives them their short names.
#include <ATen/CPUGeneratorImpl.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/argmax.h>
#include <ATen/ops/eq.h>
#include <ATen/ops/sum.h>

#include <cmath>
#include <mutex>

#include "torch/data/batches.h"
#include "torch/data/csv_dataset.h"
#include "torch/data/dataset.h"
#include "torch/data/epoch_order.h"
#include "torch/data/idx_dataset.h"
#include "torch/module.h"
#include "torch/op.h"
#include "torch/op_table.h"
#include "torch/option_list.h"

namespace eta::tensor {

template <>
struct Arg<const Dataset*> {
  static constexpr std::string_view kExpected = "dataset required";
  bool Read(Value v) { return (dataset = DatasetIn(v)) != nullptr; }
  const Dataset* get() const { return dataset; }
  const Dataset* dataset;
};
template <>
struct Arg<Batches*> {
  static constexpr std::string_view kExpected = "batches required";
  bool Read(Value v) { return (batches = BatchesIn(v)) != nullptr; }
  Batches* get() const { return batches; }
  Batches* batches;
};
template <>
struct Arg<Epoch*> {
  static constexpr std::string_view kExpected = "epoch required";
  bool Read(Value v) { return (epoch = EpochIn(v)) != nullptr; }
  Epoch* get() const { return epoch; }
  Epoch* epoch;
};

namespace {

Value WrapOrFail(Call& call, Expected<Dataset, std::string> dataset) {
  if (!dataset) return call.Fail(dataset.error());
  return WrapDataset(call.vm(), *std::move(dataset));
}

double TakeScale(OptionList& options, double otherwise) {
  const double scale = options.Take<double>("scale").value_or(otherwise);
  if (scale == 0 || !std::isfinite(scale)) {
    options.Reject("scale", "finite number other than 0 required");
  }
  return scale;
}

int64_t TakeBatchSize(OptionList& options, int64_t otherwise) {
  const int64_t size = options.Take<int64_t>("batch-size").value_or(otherwise);
  if (size <= 0) options.Reject("batch-size", "positive integer required");
  return size;
}

// From the common stream, so that it is the same on all ranks and follows manual-seed.
uint64_t DrawSeed(TensorContext& context) {
  at::Generator& generator = context.generator(c10::kCPU);
  const std::lock_guard lock(generator.mutex());
  return at::check_generator<at::CPUGeneratorImpl>(generator)->random64();
}

Value LoadCsv(Call& call, const std::string& path, const Rest<Value>& rest) {
  OptionList options(rest.items);
  CsvOptions csv;
  csv.label = options.Take<int64_t>("label");
  csv.header = options.Take<bool>("header").value_or(false);
  csv.scale = TakeScale(options, 1);
  if (auto problem = options.Problem()) return call.Fail(*problem);
  return WrapOrFail(call, LoadCsvDataset(path, csv));
}

Value LoadIdx(Call& call, const std::string& images, const std::string& labels,
              const Rest<Value>& rest) {
  OptionList options(rest.items);
  const double scale = TakeScale(options, 255);
  if (auto problem = options.Problem()) return call.Fail(*problem);
  return WrapOrFail(call, LoadIdxDataset(images, labels, scale));
}

Value Split(Call& call, const Dataset* dataset, double fraction, const Rest<Value>& rest) {
  OptionList options(rest.items);
  const auto seed = options.Take<int64_t>("seed");
  if (auto problem = options.Problem()) return call.Fail(*problem);
  if (!(fraction >= 0 && fraction <= 1)) return call.Fail("fraction between 0 and 1 required");
  const int64_t rows = dataset->rows();
  const auto order = ShuffledOrder(rows, seed ? *seed : DrawSeed(call.context()), 0);
  const auto first = std::span(order).first(std::llround(fraction * static_cast<double>(rows)));
  Heap& heap = call.vm().heap();
  Root a(heap, WrapDataset(call.vm(), TakeRows(*dataset, first)));
  Root b(heap, WrapDataset(call.vm(), TakeRows(*dataset, std::span(order).subspan(first.size()))));
  b = heap.Cons(b, Value::Nil());
  return heap.Cons(a, b);
}

Value MakeBatches(Call& call, const Dataset* dataset, const Rest<Value>& rest) {
  OptionList options(rest.items);
  BatchOptions batches;
  batches.batch_size = TakeBatchSize(options, batches.batch_size);
  batches.shuffle = options.Take<bool>("shuffle").value_or(false);
  const auto seed = options.Take<int64_t>("seed");
  batches.drop_last = options.Take<bool>("drop-last").value_or(false);
  // How many batches may be prepared ahead. Rows in memory are taken at once, so none has to be.
  if (options.Take<int64_t>("prefetch").value_or(0) < 0) {
    options.Reject("prefetch", "non-negative integer required");
  }
  const Value transform = options.Take<Value>("transform").value_or(Value::Nil());
  if (!transform.IsNil() && !IsProcedure(transform)) {
    options.Reject("transform", "procedure required");
  }
  if (auto problem = options.Problem()) return call.Fail(*problem);
  if (batches.shuffle) batches.seed = seed ? *seed : DrawSeed(call.context());
  return WrapBatches(call.vm(), Batches(*dataset, batches, transform));
}

Value MakeEvaluationBatches(Call& call, const Dataset* dataset, const Rest<Value>& rest) {
  OptionList options(rest.items);
  BatchOptions batches;
  batches.batch_size = TakeBatchSize(options, 1000);
  if (auto problem = options.Problem()) return call.Fail(*problem);
  if (dataset->rows() == 0) return call.Fail("the dataset has no rows");
  return WrapBatches(call.vm(), Batches(*dataset, batches, Value::Nil()));
}

Value NextBatch(Call& call, Epoch* epoch) {
  call.Commit();
  const TensorContext& context = call.context();
  const TensorSettings& settings = context.settings();
  const int blocks = settings.shards == 0 ? 1 : settings.shards / settings.world_size;
  const auto batch = epoch->Next(settings.rank, settings.world_size, blocks);
  if (!batch) return Value::False();
  RootVector items(call.vm().heap());
  items.push_back(WrapTensor(call.vm(), batch->own.inputs.to(context.device())));
  items.push_back(WrapTensor(call.vm(), batch->own.targets.to(context.device())));
  items.push_back(Value::Int(batch->rows));
  return call.vm().heap().List(items.span());
}

// Rows whose largest prediction is the target's class: a number, or the largest of its own row.
Value CountCorrect(Call& call, const std::shared_ptr<Module>& model, const Tensor& inputs,
                   const Tensor& targets) {
  if (inputs.size(0) == 0) return Value::Int(0);
  const at::NoGradGuard no_grad;
  const EvaluationMode evaluation(*model);
  const Tensor prediction = model->Forward(call.context(), inputs);
  if (!prediction.defined()) return Value::Failure();
  TORCH_CHECK(prediction.dim() == 2 && prediction.size(0) == targets.size(0),
              "the model must give one row of class scores for each input, got shape ",
              prediction.sizes());
  const Tensor classes = targets.sizes() == prediction.sizes() ? targets.argmax(1) : targets;
  TORCH_CHECK(classes.dim() == 1, "targets must be class numbers or rows of class scores, got ",
              "shape ", targets.sizes());
  return Value::Int(prediction.argmax(1).eq(classes).sum().item<int64_t>());
}

constexpr NativeDef kOps[] = {
    Op<"data/dataset">(
        [](Call& call, const Tensor& inputs, const Tensor& targets) {
          return WrapOrFail(call, MakeDataset(inputs, targets));
        },
        "(dataset inputs targets): rows of inputs, each with its target"),
    Op<"data/load-csv-dataset">(
        [](Call& call, const std::string& path, const Rest<Value>& rest) {
          return LoadCsv(call, path, rest);
        },
        "(load-csv-dataset path 'label column 'header flag 'scale number): rows of a CSV file"),
    Op<"data/load-idx-dataset">(
        [](Call& call, const std::string& images, const std::string& labels,
           const Rest<Value>& rest) { return LoadIdx(call, images, labels, rest); },
        "(load-idx-dataset images labels 'scale number): rows of a pair of IDX files"),
    Op<"data/dataset-size">([](const Dataset* dataset) { return dataset->rows(); },
                            "(dataset-size dataset): its number of rows"),
    Op<"data/dataset-inputs">([](const Dataset* dataset) { return dataset->inputs; },
                              "(dataset-inputs dataset): the inputs of all rows as one tensor"),
    Op<"data/dataset-targets">([](const Dataset* dataset) { return dataset->targets; },
                               "(dataset-targets dataset): the targets of all rows as one tensor"),
    Op<"data/split-dataset">(
        [](Call& call, const Dataset* dataset, double fraction, const Rest<Value>& rest) {
          return Split(call, dataset, fraction, rest);
        },
        "(split-dataset dataset fraction 'seed n): a random fraction of the rows, and the others"),
    Op<"data/batches">([](Call& call, const Dataset* dataset,
                          const Rest<Value>& rest) { return MakeBatches(call, dataset, rest); },
                       "(batches dataset 'batch-size n 'shuffle flag 'seed n 'drop-last flag "
                       "'prefetch n 'transform f): how to go through a dataset"),
    Op<"data/evaluation-batches">(
        [](Call& call, const Dataset* dataset, const Rest<Value>& rest) {
          return MakeEvaluationBatches(call, dataset, rest);
        },
        "(evaluation-batches dataset 'batch-size n): each row once, in order"),
    Op<"data/transform">([](Batches* batches) { return batches->transform(); },
                         "(transform batches): what their inputs go through, or ()"),
    Op<"data/start-epoch">(
        [](Call& call, Batches* batches) { return WrapEpoch(call.vm(), batches->Start()); },
        "(start-epoch batches): the next pass through them"),
    Op<"data/next-batch">(
        [](Call& call, Epoch* epoch) { return NextBatch(call, epoch); },
        "(next-batch epoch): (inputs targets rows), this rank's inputs and targets and how many "
        "rows all ranks have; #f at the end"),
    Op<"data/count-correct">(
        [](Call& call, const std::shared_ptr<Module>& model, const Tensor& inputs,
           const Tensor& targets) { return CountCorrect(call, model, inputs, targets); },
        "(count-correct model inputs targets): how many rows it classifies as their targets say"),
};

const OpTable table(kOps);

}  // namespace
}  // namespace eta::tensor
