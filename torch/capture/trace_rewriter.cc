#include "torch/capture/trace_rewriter.h"

#include <algorithm>
#include <utility>

namespace eta::tensor {

TraceRewriter::TraceRewriter(const Trace& trace, std::span<const size_t> kept) : trace_(trace) {
  users_.resize(trace.regions.size());
  for (size_t i = 0; i < trace.ops.size(); ++i) NoteUses(i);
  for (size_t tensor : kept) wanted_.push_back(RegionOf(tensor));
  for (size_t tensor : trace.reads) wanted_.push_back(RegionOf(tensor));
}

void TraceRewriter::NoteUses(size_t op) {
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

bool TraceRewriter::Is(size_t op, std::string_view name) const {
  return c10::toString(trace_.ops[op].op.operator_name()) == name;
}

std::optional<size_t> TraceRewriter::MakerFor(size_t tensor, size_t user) const {
  const size_t between = RegionOf(tensor);
  const TraceRegion& region = trace_.regions[between];
  if (region.origin != TraceRegion::Origin::kMade) return std::nullopt;
  if (users_[between] != std::vector{region.maker, user}) return std::nullopt;
  if (std::ranges::find(wanted_, between) != wanted_.end()) return std::nullopt;
  return CanWait(region.maker, user) ? std::optional(region.maker) : std::nullopt;
}

// Whether the first operation's arguments are as they were when the second one runs.
bool TraceRewriter::CanWait(size_t first, size_t second) const {
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

size_t TraceRewriter::Add(TraceTensor tensor) {
  trace_.tensors.push_back(std::move(tensor));
  return trace_.tensors.size() - 1;
}

Trace TraceRewriter::Take() {
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
  return std::move(trace_);
}

}  // namespace eta::tensor
