// The collectives of std.parallel on tensors and numbers: shard, all-reduce, reduce-scatter,
// all-gather, broadcast.
#include <ATen/MemoryOverlap.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/empty.h>

#include <algorithm>

#include "base/own_rows.h"
#include "parallel/core/reduce.h"
#include "parallel/isolate/host.h"
#include "parallel/isolate/rank_context.h"
#include "parallel/training/collective.h"
#include "parallel/training/rows.h"
#include "torch/op.h"
#include "torch/op_table.h"

namespace eta::parallel {
namespace {

using tensor::Call;
using tensor::Op;
using tensor::Tensor;
using tensor::WrapTensor;

Tensor ShardRows(Call& call, const Tensor& tensor) { return Shard(call.vm(), tensor); }

// --- all-reduce ---------------------------------------------------------------------------------

std::optional<ReduceOp> ParseReduction(Value v) {
  if (!IsSymbol(v)) return std::nullopt;
  for (ReduceOp op : {ReduceOp::kSum, ReduceOp::kMean, ReduceOp::kMax, ReduceOp::kMin}) {
    if (SymbolName(v) == NameOf(op)) return op;
  }
  return std::nullopt;
}

// One rank's number. The result is an integer if all ranks bring one, and it is no mean.
struct NumberRecord {
  double real;
  int64_t integer;
  bool is_integer;
};

// The ranks' numbers, reduced in rank order. `field` is where a record has them, of type `dtype`.
template <class T>
T ReduceField(ReduceOp op, DType dtype, const std::vector<NumberRecord>& all,
              T NumberRecord::*field) {
  std::vector<const std::byte*> inputs;
  for (const NumberRecord& record : all) {
    inputs.push_back(reinterpret_cast<const std::byte*>(&(record.*field)));
  }
  T result;
  ReduceBlock(dtype, op, inputs, 1, reinterpret_cast<std::byte*>(&result));
  return result;
}

// What (+ a b ...) gives: an integer for as long as that is exact.
Value Sum(Heap& heap, const std::vector<NumberRecord>& all) {
  NumberRecord sum = all[0];
  for (auto next = all.begin() + 1; next != all.end(); ++next) {
    int64_t exact;
    if (sum.is_integer && next->is_integer &&
        !__builtin_add_overflow(sum.integer, next->integer, &exact)) {
      sum = {static_cast<double>(exact), exact, true};
    } else {
      sum = {sum.real + next->real, 0, false};
    }
  }
  return sum.is_integer ? heap.Integer(sum.integer) : Value::Double(sum.real);
}

Value ReduceNumber(Call& call, Value number, ReduceOp op) {
  // By the name, ranks that want different reductions find each other out.
  constexpr const char* kNames[] = {"all-reduce sum of a number", "all-reduce mean of a number",
                                    "all-reduce max of a number", "all-reduce min of a number"};
  Collective collective(call, kNames[static_cast<int>(op)]);
  const bool is_integer = IsInteger(number);
  const NumberRecord mine{ToDouble(number), is_integer ? ToInt64(number) : 0, is_integer};
  std::vector<NumberRecord> all;
  if (!collective.Exchange(mine, &all)) return Value::Failure();
  if (op == ReduceOp::kSum) return Sum(call.vm().heap(), all);
  const bool integers = std::all_of(all.begin(), all.end(), [](auto& r) { return r.is_integer; });
  if (integers && op != ReduceOp::kMean) {
    return call.vm().heap().Integer(ReduceField(op, DType::kInt64, all, &NumberRecord::integer));
  }
  return Value::Double(ReduceField(op, DType::kFloat64, all, &NumberRecord::real));
}

// Of tensors that are contiguous and where the collective is. False: an error is pending.
bool ReduceInto(Collective& collective, const Tensor& input, const Tensor& result, ReduceOp op) {
  const ExchangePlace& place = collective.place();
  std::vector<ShapeRecord> shapes;
  return collective.ExchangeShapes(input, &shapes) && collective.RequireSameShapes(shapes, 0) &&
         collective.Passed(collective.member().communicator().AllReduce(
             place.BufferOf(input), place.BufferOf(result), op, collective.site()));
}

Value ReduceTensor(Call& call, const Tensor& tensor, ReduceOp op) {
  Collective collective(call, "all-reduce");
  const Tensor input = collective.place().Bring(tensor);
  const Tensor result = at::empty(input.sizes(), input.options());
  if (!ReduceInto(collective, input, result, op)) return Value::Failure();
  return WrapTensor(call.vm(), result.to(tensor.device()));
}

std::optional<ReduceOp> ReductionOf(Call& call, const std::optional<Value>& reduction) {
  const auto op = reduction ? ParseReduction(*reduction) : ReduceOp::kSum;
  if (!op) (void)call.Fail("the reduction must be 'sum, 'mean, 'max or 'min");
  return op;
}

// What autograd needs for a backward pass must not change, and elements that share their memory
// cannot each have a result.
Value AllReduceInPlace(Call& call, const Tensor& tensor, const std::optional<Value>& reduction) {
  const auto op = ReductionOf(call, reduction);
  if (!op) return Value::Failure();
  TORCH_CHECK(tensor.is_leaf(), "the tensor is the result of an operation that has a gradient");
  TORCH_CHECK(at::has_internal_overlap(tensor) != at::MemOverlap::Yes,
              "elements of the tensor share their memory");
  const at::NoGradGuard no_grad;
  Collective collective(call, "all-reduce!");
  const Tensor buffer = collective.place().Bring(tensor);
  if (!ReduceInto(collective, buffer, buffer, *op)) return Value::Failure();
  if (buffer.is_same(tensor)) {
    tensor.unsafeGetTensorImpl()->bump_version();  // as operations of libtorch do
  } else {
    tensor.copy_(buffer);
  }
  return WrapTensor(call.vm(), tensor);
}

Value AllReduce(Call& call, Value value, const std::optional<Value>& reduction) {
  const auto op = ReductionOf(call, reduction);
  if (!op) return Value::Failure();
  if (IsNumber(value)) return ReduceNumber(call, value, *op);
  if (const Tensor* tensor = tensor::TensorIn(value)) return ReduceTensor(call, *tensor, *op);
  return call.Fail("tensor or number required");
}

// --- reduce-scatter, all-gather, broadcast -------------------------------------------------------

// Each rank's rows of what all-reduce gives.
Value ReduceScatter(Call& call, const Tensor& tensor, const std::optional<Value>& reduction) {
  const auto op = ReductionOf(call, reduction);
  if (!op) return Value::Failure();
  TORCH_CHECK(tensor.dim() > 0, "a tensor without axes has no rows to share out");
  Collective collective(call, "reduce-scatter");
  const ExchangePlace& place = collective.place();
  const Tensor input = place.Bring(tensor);
  std::vector<ShapeRecord> shapes;
  if (!collective.ExchangeShapes(tensor, &shapes) || !collective.RequireSameShapes(shapes, 0)) {
    return Value::Failure();
  }
  const int64_t row = c10::multiply_integers(tensor.sizes().slice(1));
  const int blocks = RowBlocks(HostOf(call.vm()).shards, collective.size());
  std::vector<size_t> counts;
  for (int r = 0; r < collective.size(); ++r) {
    const RowRange rows = OwnRows(tensor.size(0), r, collective.size(), blocks);
    counts.push_back(static_cast<size_t>(rows.count() * row));
  }
  const Tensor own = Shard(input, collective.rank(), collective.size(), blocks);
  const Tensor result = at::empty(own.sizes(), own.options());
  if (!collective.Passed(collective.member().communicator().ReduceScatter(
          place.BufferOf(input), place.BufferOf(result), counts, *op, collective.site()))) {
    return Value::Failure();
  }
  return WrapTensor(call.vm(), result.to(tensor.device()));
}

Value AllGather(Call& call, const Tensor& tensor) {
  TORCH_CHECK(tensor.dim() > 0, "a tensor without axes has no rows to gather");
  Collective collective(call, "all-gather");
  const ExchangePlace& place = collective.place();
  const Tensor own = place.Bring(tensor);
  std::vector<ShapeRecord> shapes;
  if (!collective.ExchangeShapes(tensor, &shapes) || !collective.RequireSameShapes(shapes, 1)) {
    return Value::Failure();
  }
  const int64_t row = c10::multiply_integers(tensor.sizes().slice(1));
  std::vector<int64_t> sizes = tensor.sizes().vec();
  sizes[0] = 0;
  std::vector<size_t> counts;
  for (const ShapeRecord& shape : shapes) {
    sizes[0] += shape.sizes[0];
    counts.push_back(static_cast<size_t>(shape.sizes[0] * row));
  }
  const Tensor result = at::empty(sizes, own.options());
  if (!collective.Passed(collective.member().communicator().AllGather(
          place.BufferOf(own), place.BufferOf(result), counts, collective.site()))) {
    return Value::Failure();
  }
  return WrapTensor(call.vm(), result.to(tensor.device()));
}

Value Broadcast(Call& call, const Tensor& tensor, std::optional<int64_t> given_root) {
  Collective collective(call, "broadcast");
  const int64_t root = given_root.value_or(0);
  TORCH_CHECK(0 <= root && root < collective.size(), "there is no rank ", root);
  const Tensor result = collective.place().Copy(tensor);
  const Buffer buffer = collective.place().BufferOf(result);
  std::vector<ShapeRecord> shapes;
  if (!collective.ExchangeShapes(tensor, &shapes) || !collective.RequireSameShapes(shapes, 0)) {
    return Value::Failure();
  }
  if (!collective.Passed(collective.member().communicator().Broadcast(
          buffer, static_cast<int>(root), collective.site()))) {
    return Value::Failure();
  }
  return WrapTensor(call.vm(), result.to(tensor.device()));
}

constexpr NativeDef kOps[] = {
    Op<"parallel/shard">([](Call& call, const Tensor& t) { return ShardRows(call, t); },
                         "(shard tensor): this rank's rows along axis 0, a view"),
    Op<"parallel/all-reduce">(
        [](Call& call, Value value, const std::optional<Value>& reduction) {
          return AllReduce(call, value, reduction);
        },
        "(all-reduce value ['sum|'mean|'max|'min]): a new tensor, or number, of all ranks'"),
    Op<"parallel/all-reduce!">(
        [](Call& call, const Tensor& t, const std::optional<Value>& reduction) {
          return AllReduceInPlace(call, t, reduction);
        },
        "(all-reduce! tensor ['sum|'mean|'max|'min]): the tensor, which now has what all-reduce "
        "gives"),
    Op<"parallel/reduce-scatter">(
        [](Call& call, const Tensor& t, const std::optional<Value>& reduction) {
          return ReduceScatter(call, t, reduction);
        },
        "(reduce-scatter tensor ['sum|'mean|'max|'min]): this rank's rows of all ranks' tensors, "
        "combined"),
    Op<"parallel/all-gather">([](Call& call, const Tensor& t) { return AllGather(call, t); },
                              "(all-gather tensor): the rows of all ranks, in rank order"),
    Op<"parallel/broadcast">(
        [](Call& call, const Tensor& t, const std::optional<int64_t>& root) {
          return Broadcast(call, t, root);
        },
        "(broadcast tensor [root]): a copy of rank root's tensor, by default rank 0's"),
};

const tensor::OpTable table(kOps);

}  // namespace
}  // namespace eta::parallel
