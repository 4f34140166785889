#include "torch/capture/first_write.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "torch/capture/out_variant.h"
#include "torch/capture/trace_rewriter.h"

namespace eta::tensor {
namespace {

bool Touches(const Trace& trace, const TraceOp& op, size_t tensor) {
  const auto touches = [&](size_t other) {
    return other != kNoTensor && Overlap(trace.tensors[tensor], trace.tensors[other]);
  };
  return !op.makes_views && (std::ranges::any_of(op.results, touches) ||
                             std::ranges::any_of(op.arguments, [&](const TraceArgument& argument) {
                               return std::ranges::any_of(argument.tensors, touches);
                             }));
}

// The first operation that has to do with the memory of `tensor`; none: the count of them.
size_t FirstOf(const Trace& trace, size_t tensor) {
  const auto found = std::ranges::find_if(
      trace.ops, [&](const TraceOp& op) { return Touches(trace, op, tensor); });
  return static_cast<size_t>(found - trace.ops.begin());
}

// Whether it does nothing but `tensor += another one of its form`.
bool AddsTo(const Trace& trace, const TraceOp& op, size_t tensor) {
  if (c10::toString(op.op.operator_name()) != "aten::add_.Tensor") return false;
  const TraceTensor& sum = trace.tensors[op.arguments[0].tensors[0]];
  const size_t from = op.arguments[1].tensors[0];
  return sum == trace.tensors[tensor] && LiesWithoutGaps(sum) && from != kNoTensor &&
         trace.tensors[from].sizes == sum.sizes && trace.tensors[from].dtype == sum.dtype &&
         trace.tensors[from].region != sum.region && op.arguments[2].value.toScalar().equal(1);
}

class FirstWrites {
 public:
  FirstWrites(const Trace& trace, std::span<const size_t> kept)
      : rewriter_(trace, kept), out_variants_(trace) {}

  // What adds to `zeros` first writes it, if that is possible.
  bool Write(size_t zeros) {
    const Trace& trace = rewriter_.trace();
    const size_t first = FirstOf(trace, zeros);
    if (first == trace.ops.size() || first < trace.pause) return false;
    const TraceOp& add = trace.ops[first];
    if (!AddsTo(trace, add, zeros)) return false;
    if (!MakeThere(first, zeros, add.arguments[1].tensors[0])) rewriter_.Replace(first, Copy(add));
    return true;
  }

  Trace Take() { return rewriter_.Take(); }

 private:
  // Lets the operation that makes `from` write its result where `zeros` lies.
  bool MakeThere(size_t add, size_t zeros, size_t from) {
    const auto maker = rewriter_.MakerFor(from, add);
    if (!maker) return false;
    const TraceOp& op = rewriter_.trace().ops[*maker];
    const auto into = out_variants_.Find(op.op);
    if (!into || op.results.size() != 1) return false;
    TraceTensor result = rewriter_.trace().tensors[op.results[0]];
    const TraceTensor& added = rewriter_.trace().tensors[from];
    const TraceTensor& place = rewriter_.trace().tensors[zeros];
    if (!LiesWithoutGaps(result) || !LiesWithoutGaps(added) || result.dtype != place.dtype ||
        result.offset != added.offset || EndOf(result) != EndOf(added)) {
      return false;
    }
    result.region = place.region;
    result.offset = place.offset;
    TraceOp there{
        .op = *into, .arguments = op.arguments, .results = {}, .writes = true, .caller = op.caller};
    there.arguments.push_back(
        {.kind = TraceArgument::Kind::kTensor, .tensors = {rewriter_.Add(std::move(result))}});
    rewriter_.Replace(add, std::move(there));
    rewriter_.Remove(*maker);
    return true;
  }

  // zeros = addend + 0, so that there is no -0
  static TraceOp Copy(const TraceOp& add) {
    static const auto into =
        c10::Dispatcher::singleton().findSchemaOrThrow("aten::add", "Scalar_out");
    const TraceArgument zero{.value = at::Scalar(0)}, one{.value = at::Scalar(1)};
    return {.op = into,
            .arguments = {add.arguments[1], zero, one, add.arguments[0]},
            .results = {},
            .writes = true,
            .caller = add.caller};
  }

  TraceRewriter rewriter_;
  const OutVariants out_variants_;
};

}  // namespace

Trace WithFirstWrites(const Trace& trace, std::span<const size_t> zeros,
                      std::span<const size_t> kept, std::vector<bool>* written) {
  FirstWrites writes(trace, kept);
  written->clear();
  for (size_t tensor : zeros) written->push_back(writes.Write(tensor));
  return writes.Take();
}

}  // namespace eta::tensor
