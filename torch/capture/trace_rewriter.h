// TraceRewriter: a copy of a trace in which one operation takes the place of two. Tensors keep
// their numbers.
#pragma once

#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "torch/capture/trace.h"

namespace eta::tensor {

class TraceRewriter {
 public:
  // Of `kept` tensors somebody wants to know, as of the trace's `reads`. REQUIRES: it has no
  // problem.
  TraceRewriter(const Trace& trace, std::span<const size_t> kept);

  const Trace& trace() const { return trace_; }
  bool Is(size_t op, std::string_view name) const;

  // The operation that made the memory of `tensor`, if it may as well run when `user` does, and
  // nobody but `user` looks at what it makes.
  std::optional<size_t> MakerFor(size_t tensor, size_t user) const;
  // The tensor's number.
  size_t Add(TraceTensor tensor);
  void Replace(size_t op, TraceOp other) { trace_.ops[op] = std::move(other); }
  void Remove(size_t op) { gone_.push_back(op); }

  Trace Take();

 private:
  size_t RegionOf(size_t tensor) const { return trace_.tensors[tensor].region; }
  void NoteUses(size_t op);
  bool CanWait(size_t first, size_t second) const;

  Trace trace_;
  std::vector<std::vector<size_t>> users_;  // by region: the operations, but for views
  std::vector<size_t> wanted_;              // regions of which somebody wants to know
  std::vector<size_t> gone_;                // operations
};

}  // namespace eta::tensor
