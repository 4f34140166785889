#include "torch/capture/fusion.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "torch/capture/cross_entropy.h"
#include "torch/capture/matrix_product.h"

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

bool Is(const TraceOp& op, std::string_view name) {
  return c10::toString(op.op.operator_name()) == name;
}

class Fusion {
 public:
  Fusion(const Trace& trace, std::span<const size_t> kept) : trace_(trace) {
    users_.resize(trace.regions.size());
    for (size_t i = 0; i < trace.ops.size(); ++i) NoteUses(i);
    for (size_t tensor : kept) wanted_.push_back(RegionOf(tensor));
    for (size_t tensor : trace.reads) wanted_.push_back(RegionOf(tensor));
  }

  Trace Run() {
    for (size_t i = 0; i < trace_.ops.size(); ++i) {
      for (const Pair& pair : kPairs) {
        if (Is(trace_.ops[i], pair.second)) FuseInto(i, pair);
      }
    }
    RemoveGone();
    return std::move(trace_);
  }

 private:
  size_t RegionOf(size_t tensor) const { return trace_.tensors[tensor].region; }

  void NoteUses(size_t op) {
    const auto note = [&](size_t tensor) {
      if (tensor == kNoTensor) return;
      std::vector<size_t>& users = users_[RegionOf(tensor)];
      if (users.empty() || users.back() != op) users.push_back(op);
    };
    if (trace_.ops[op].makes_views) return;
    for (const TraceArgument& argument : trace_.ops[op].arguments) {
      std::ranges::for_each(argument.tensors, note);
    }
    std::ranges::for_each(trace_.ops[op].results, note);
  }

  void FuseInto(size_t second, const Pair& pair) {
    const std::vector<size_t>& from = trace_.ops[second].arguments[pair.place].tensors;
    if (from.size() != 1 || from[0] == kNoTensor) return;
    const TraceRegion& between = trace_.regions[RegionOf(from[0])];
    if (between.origin != TraceRegion::Origin::kMade) return;
    const size_t first = between.maker;
    if (!Is(trace_.ops[first], pair.first) || trace_.ops[first].results[0] != from[0] ||
        !IsBetweenThem(RegionOf(from[0]), first, second) || !CanWait(first, second)) {
      return;
    }
    auto fused = pair.fuse(trace_, trace_.ops[first], trace_.ops[second]);
    if (!fused) return;
    trace_.ops[second] = *std::move(fused);
    gone_.push_back(first);
  }

  bool IsBetweenThem(size_t region, size_t first, size_t second) const {
    return users_[region] == std::vector{first, second} &&
           std::ranges::find(wanted_, region) == wanted_.end();
  }

  // Whether the first operation may run when the second does: its arguments are then as they were.
  bool CanWait(size_t first, size_t second) const {
    if (trace_.ops[first].writes || (first < trace_.pause) != (second < trace_.pause)) return false;
    for (const TraceArgument& argument : trace_.ops[first].arguments) {
      for (size_t tensor : argument.tensors) {
        if (tensor == kNoTensor) continue;
        for (size_t user : users_[RegionOf(tensor)]) {
          if (first < user && user < second && trace_.ops[user].writes) return false;
        }
      }
    }
    return true;
  }

  void RemoveGone() {
    const auto left = [&](size_t op) {
      return op - static_cast<size_t>(
                      std::ranges::count_if(gone_, [&](size_t gone) { return gone < op; }));
    };
    trace_.pause = left(trace_.pause);
    for (TraceRegion& region : trace_.regions) region.maker = left(region.maker);
    std::vector<TraceOp> ops;
    for (size_t i = 0; i < trace_.ops.size(); ++i) {
      if (std::ranges::find(gone_, i) == gone_.end()) ops.push_back(std::move(trace_.ops[i]));
    }
    trace_.ops = std::move(ops);
  }

  Trace trace_;
  std::vector<std::vector<size_t>> users_;  // by region: the operations, but for views
  std::vector<size_t> wanted_;              // regions of which somebody wants to know
  std::vector<size_t> gone_;                // operations
};

}  // namespace

Trace Fused(const Trace& trace, std::span<const size_t> kept) { return Fusion(trace, kept).Run(); }

}  // namespace eta::tensor
