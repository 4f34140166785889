// ParameterArena: parameters and their gradients in contiguous buffers, one pair per (dtype,
// device), so that zeroing, reducing and updating are single passes over memory.
//
// The parameters become views of the buffer in place: every handle to them stays valid. Gradients
// are views too, put into `.grad` before a backward pass, into which autograd then accumulates.
// Whether a gradient was written since it was cleared shows in its version counter, which each
// parameter's gradient has for itself; no hooks are needed. One that was not written reads as none.
//
//   parameters  | 0.weight ....... | pad | 0.bias .. | pad | 2.weight ......... | pad |
//   gradients   | 0.weight ....... | pad | 0.bias .. | pad | 2.weight ......... | pad |
//
// Entries start at multiples of 64 bytes; the padding is zero in both and stays so.
//
// For a large parameter these passes are what costs: its gradient would be zeroed, added to and
// read again far from the cache. It has a block of its own, whose gradients are the very tensor
// that autograd makes for it, taken over by TakeGradient: nothing is zeroed, added or copied.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <memory>
#include <unordered_map>
#include <utility>
#include <vector>

#include "torch/module.h"

namespace eta::tensor {

class ParameterArena;

// The values that gradients have as the program sees them, while they lie elsewhere or nowhere.
class OwedGradients {
 public:
  virtual ~OwedGradients() = default;
  // Writes them to where they belong. Does not fail.
  virtual void Pay() = 0;
};

// Which arena each parameter of an isolate lies in. Arenas enter and leave by themselves.
class ArenaRegistry {
 public:
  struct Place {
    ParameterArena* arena;
    size_t index;  // of the entry
  };
  // Null: in no arena.
  const Place* Find(const Tensor& parameter) const;

  // From now on the gradients of `debtor` are what `owed` pays, until they are cleared. What
  // another one owes is paid before. REQUIRES: `owed` lives until it is paid or taken back.
  void Owe(OwedGradients* owed, const void* debtor);
  // To be called before anybody looks at gradients, or adds to them.
  void PayGradients() const;
  // Before those of `debtor` are cleared: it owes nothing any more; others pay.
  void ForgiveGradients(const void* debtor);
  // It is about to go.
  void TakeBack(const OwedGradients* owed);

  // Whether the program has got hold of a gradient in an arena. It may look at it at any time.
  bool watched() const { return watched_; }

 private:
  friend class ParameterArena;
  friend Tensor VisibleGradient(const ArenaRegistry& registry, const Tensor& parameter);
  std::unordered_map<const at::TensorImpl*, Place> places_;
  mutable OwedGradients* owed_ = nullptr;
  const void* debtor_ = nullptr;
  mutable bool watched_ = false;
};

// Thread safety: the isolate's thread. The buffers themselves may be read and written by other
// threads while that one waits; they must then be kept alive by holding the tensors.
class ParameterArena : public std::enable_shared_from_this<ParameterArena> {
 public:
  // From this size on a parameter is large: a quarter of a usual second-level cache.
  static constexpr int64_t kLargeBytes = 256 * 1024;

  // The parameters of one dtype and device; or a large one alone.
  struct Block {
    at::TensorOptions options;
    bool large = false;
    int64_t size = 0;
    Tensor parameters;  // 1-D, `size` elements
    Tensor gradients;   // likewise; of a large one undefined until TakeGradient
  };
  struct Entry {
    NamedParameter parameter;
    Tensor gradient;  // what is put into .grad: a view of the block's gradients, if there are any
    size_t block;
    int64_t begin, end, padded_end;  // elements of the block
    // The version at which `gradient` counts as not written; none when it has been adopted.
    int64_t cleared_version;
  };

  // Moves the parameters, which must be distinct and in no intact arena, into buffers. Gradients
  // that they have move along.
  ParameterArena(std::vector<NamedParameter> parameters, std::shared_ptr<ArenaRegistry> registry);
  ~ParameterArena();
  ParameterArena(const ParameterArena&) = delete;
  ParameterArena& operator=(const ParameterArena&) = delete;

  const std::vector<Block>& blocks() const { return blocks_; }
  const std::vector<Entry>& entries() const { return entries_; }

  // Whether entry `index` is still a view of its place: not moved to a device, not replaced.
  bool Intact(size_t index) const;

  // Zeroes elements [begin, end) of a block's gradients: one fill. The entries in it must be
  // marked by Clear. Leaves large ones to Clear.
  void FillZero(size_t block, int64_t begin, int64_t end);
  // Marks the gradient of an entry, whose memory is zero or will be before anybody looks, as not
  // written, and puts it in place; or drops it, if it is large.
  void Clear(size_t index);

  // Whether the entry has a gradient: one written since the last Clear. A gradient that lies
  // elsewhere (it was there before the arena, or autograd replaced it) is copied in first; a large
  // one becomes the block's, and where there is none the block gets zeros.
  bool TakeGradient(size_t index);
  // Lets the entry have a gradient, whose memory somebody wrote to. REQUIRES: TakeGradient.
  void SetHasGradient(size_t index);
  // TakeGradient without side effects, for reading `.grad`.
  bool HasGradient(size_t index) const;
  // Lets a large entry have this gradient, which nobody else writes to; `flat` is the same memory
  // with one axis, or undefined if it is not contiguous.
  void GiveGradient(size_t index, const Tensor& gradient, const Tensor& flat);

 private:
  void Reserve(NamedParameter parameter);
  void MoveIn(size_t index);
  void TakeLarge(Entry* entry);

  std::shared_ptr<ArenaRegistry> registry_;
  std::vector<Block> blocks_;
  std::vector<Entry> entries_;
};

// The gradient of `parameter` as the program sees it; undefined when there is none.
Tensor VisibleGradient(const ArenaRegistry& registry, const Tensor& parameter);
// Zeroes it if there is one (`zero-grad!`).
void ZeroVisibleGradient(const ArenaRegistry& registry, const Tensor& parameter);

}  // namespace eta::tensor
