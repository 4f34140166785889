// Heap: the memory of one VM. A non-moving mark-sweep collector.
//
// Invariant: a collection starts only inside Collect or a function that allocates, and at that
// moment every live object is reachable from the root source (the VM's stack, globals, symbols) or
// from a Root. So a native may hold a bare Value as long as it does neither; across them it needs a
// Root, or the value must be one of its arguments, which are rooted. The allocation functions root
// their own arguments.
//
// Small objects come from 64 KiB blocks of one size class each, allocated by bumping through runs
// of free cells; a block is swept when its class next needs memory. Larger ones come from malloc.
// Where a run has a cell left, allocating is inline; whether a collection is due is asked when it
// ends.
// Foreign objects and code are finalized right after marking, strings leave the intern table then.
//
// The limit refuses no allocation. When live memory stays above it after a collection, the heap
// calls `on_limit`, and the VM raises runtime.heap-error at its next safepoint. A native that is
// about to allocate something large asks `CanAllocate` first. Where the system has no memory left,
// allocating throws std::bad_alloc.
//
// Thread safety: one thread, except AddExternalBytes.
#pragma once

#include <sanitizer/asan_interface.h>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string_view>
#include <vector>

#include "vm/block.h"
#include "vm/native.h"
#include "vm/object.h"

namespace eta {

class Heap;

// Collects the objects that a collection has yet to look at.
class Marker {
 public:
  void Mark(Value v) {
    if (v.IsObject()) MarkObject(v.AsObject());
  }
  // Objects are looked at later, when they have come into the cache; so one may be there twice.
  void MarkObject(Object* object) { found_.push_back(object); }
  void MarkAll(std::span<const Value> values) {
    if (values.size() > kShortSpan) return MarkLong(values);
    for (Value v : values) Mark(v);
  }

 private:
  friend class Heap;
  static constexpr size_t kShortSpan = 64;

  void MarkLong(std::span<const Value> values);
  Object* Next();

  // From the stack objects go into a queue, while their memory comes into the cache.
  static constexpr size_t kAhead = 16;
  std::vector<Object*> found_;
  Object* ahead_[kAhead];
  size_t first_ = 0;    // in the queue
  size_t waiting_ = 0;  // so many
};

class RootSource {
 public:
  virtual ~RootSource() = default;
  virtual void TraceRoots(Marker& marker) = 0;
  // After marking: what is not marked is about to be freed.
  virtual void DropUnmarked() {}
};

class Heap {
 public:
  struct Options {
    size_t limit_bytes = SIZE_MAX;  // live objects plus external bytes
    bool stress = false;            // collect at every allocation
    uint64_t hash_seed = 0;         // of string hashes
    std::function<void()> on_limit = [] {};
  };
  struct Stats {
    uint64_t collections = 0;
    size_t live_bytes = 0;  // after the last collection
    uint64_t pause_ns = 0;  // sum over all collections
  };

  Heap(RootSource* roots, Options options);
  ~Heap();
  Heap(const Heap&) = delete;
  Heap& operator=(const Heap&) = delete;

  Value Cons(Value car, Value cdr) {
    auto* pair = Bump<PairObject>(sizeof(PairObject));
    if (pair == nullptr) [[unlikely]]
      return ConsSlow(car, cdr);
    pair->car = car;
    pair->cdr = cdr;
    return Value::Of(pair);
  }
  Value String(std::string_view bytes);
  Value Vector(size_t length, Value fill);
  // The caller fills it before the next allocation.
  VectorObject* UnfilledVector(size_t length);
  Value Bytevector(std::span<const uint8_t> bytes);
  // Inline where it fits, otherwise on the heap.
  Value Integer(int64_t i) { return Value::FitsInt(i) ? Value::Int(i) : BoxedInteger(i); }
  Value Values(std::span<const Value> values);  // REQUIRES: the span is rooted
  Value Box(Value v) {
    auto* box = Bump<BoxObject>(sizeof(BoxObject));
    if (box == nullptr) [[unlikely]]
      return BoxSlow(v);
    box->value = v;
    return Value::Of(box);
  }
  // Captures are nil until the caller fills them.
  ClosureObject* Closure(const Code* code, uint32_t capture_count);
  Value Native(const NativeDef* def);
  Value Symbol(const std::string* name);  // for Vm::Symbol, which keeps one per name
  CodeObject* NewCode(std::unique_ptr<Code> code);
  ContinuationObject* Continuation(uint64_t handler_id);  // without a segment
  // A stretch of the stack that nobody saved yet. REQUIRES: `next` is rooted.
  SegmentObject* Segment(Value next, Value* begin, Value* end, const void* resume, uint64_t run);
  // Takes ownership of `data`.
  Value Foreign(const ForeignType* type, void* data);
  // A list of `items`. REQUIRES: the span is rooted.
  Value List(std::span<const Value> items, Value tail = Value::Nil());

  // Where there is no memory for it, the process ends: half a marking is worth nothing.
  void Collect() noexcept;
  // Memory outside the heap that its objects keep (tensors): counts toward trigger and limit. Who
  // allocates it adds it, and who frees it takes it off; the heap itself knows of neither.
  // Thread safety: any thread.
  void AddExternalBytes(int64_t delta) {
    // Relaxed: a statistic; the collector tolerates a stale reading.
    external_bytes_.fetch_add(delta, std::memory_order_relaxed);
  }
  bool CanAllocate(size_t bytes) const;
  size_t used_bytes() const;
  const Stats& stats() const { return stats_; }
  uint64_t hash_seed() const { return options_.hash_seed; }

  // Checks every reachable object: that its cell exists, is allocated, and has a valid kind, and
  // that the intern table agrees with the strings. Aborts with the finding. For tests.
  void Verify();

 private:
  friend class Root;
  friend class RootVector;
  struct Impl;
  // Where the objects of a size class are allocated: the rest of a run of free cells.
  struct Range {
    char* next = nullptr;
    char* end = nullptr;
  };

  // A new object from the current run; null when that has no cell left.
  template <class T>
  T* Bump(size_t bytes) {
    const int size_class = SizeClassFor(bytes);
    Range& range = ranges_[size_class];
    if (range.next == range.end) [[unlikely]]
      return nullptr;
    auto* object = reinterpret_cast<T*>(range.next);
    range.next += kCellSizes[size_class];
    ASAN_UNPOISON_MEMORY_REGION(object, bytes);
    static_cast<Object&>(*object) = {T::kKind, false, static_cast<uint8_t>(size_class), 0};
    return object;
  }
  template <class T>
  T* New(size_t bytes);
  template <class T>
  T* NewSlow(size_t bytes);
  void CollectIfDue();
  Value ConsSlow(Value car, Value cdr);
  Value BoxSlow(Value v);
  Value BoxedInteger(int64_t i);

  std::atomic<int64_t> external_bytes_{0};
  Range ranges_[kSizeClassCount];
  Stats stats_;
  Options options_;
  std::vector<Value*> roots_;
  std::vector<std::vector<Value>*> root_vectors_;
  std::unique_ptr<Impl> impl_;
};

// Keeps a Value alive while in scope. Roots of one heap nest (automatic variables only).
class Root {
 public:
  Root(Heap& heap, Value value = Value::Nil()) : heap_(heap), value_(value) {
    heap.roots_.push_back(&value_);
  }
  ~Root() {
    ETA_DCHECK(heap_.roots_.back() == &value_);
    heap_.roots_.pop_back();
  }
  Root(const Root&) = delete;
  Root& operator=(const Root&) = delete;

  Root& operator=(Value value) {
    value_ = value;
    return *this;
  }
  operator Value() const { return value_; }
  Value get() const { return value_; }

 private:
  Heap& heap_;
  Value value_;
};

// The same for a growing sequence.
class RootVector {
 public:
  explicit RootVector(Heap& heap) : heap_(heap) { heap.root_vectors_.push_back(&values_); }
  ~RootVector() { heap_.root_vectors_.pop_back(); }
  RootVector(const RootVector&) = delete;
  RootVector& operator=(const RootVector&) = delete;

  void push_back(Value v) { values_.push_back(v); }
  size_t size() const { return values_.size(); }
  Value& operator[](size_t i) { return values_[i]; }
  std::span<const Value> span() const { return values_; }
  std::vector<Value>& values() { return values_; }

 private:
  Heap& heap_;
  std::vector<Value> values_;
};

}  // namespace eta
