#include "torch/capture/fusion.h"

#include <optional>
#include <utility>

#include "torch/capture/cross_entropy.h"
#include "torch/capture/matrix_product.h"
#include "torch/capture/trace_rewriter.h"

namespace eta::tensor {
namespace {

// What the second operation takes as its argument `place` is the first one's result.
struct Pair {
  std::string_view first, second;
  size_t place;
  // None: as they are it would gain nothing.
  std::optional<TraceOp> (*fuse)(const Trace& trace, const TraceOp& first, const TraceOp& second);
};

constexpr Pair kPairs[] = {
    {"aten::addmm", "aten::relu", 0, FuseBiasedRelu},
    {"aten::mm", "aten::add_.Tensor", 1, FuseAddedProduct},
    {"aten::nll_loss_backward", "aten::_log_softmax_backward_data", 0, FuseCrossEntropyBackward},
};

void FuseInto(TraceRewriter& rewriter, size_t second, const Pair& pair) {
  const std::vector<TraceOp>& ops = rewriter.trace().ops;
  const std::vector<size_t>& from = ops[second].arguments[pair.place].tensors;
  if (from.size() != 1 || from[0] == kNoTensor) return;
  const auto first = rewriter.MakerFor(from[0], second);
  if (!first || !rewriter.Is(*first, pair.first) || ops[*first].results[0] != from[0]) return;
  auto fused = pair.fuse(rewriter.trace(), ops[*first], ops[second]);
  if (!fused) return;
  rewriter.Replace(second, *std::move(fused));
  rewriter.Remove(*first);
}

}  // namespace

Trace Fused(const Trace& trace, std::span<const size_t> kept) {
  TraceRewriter rewriter(trace, kept);
  for (size_t i = 0; i < trace.ops.size(); ++i) {
    for (const Pair& pair : kPairs) {
      if (rewriter.Is(i, pair.second)) FuseInto(rewriter, i, pair);
    }
  }
  return rewriter.Take();
}

}  // namespace eta::tensor
