#include "vm/heap.h"

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <unordered_set>

#include "vm/block_source.h"
#include "vm/code.h"
#include "vm/intern_table.h"

namespace eta {
namespace {

// Below this much new memory a collection is not worth its pause.
constexpr size_t kMinTrigger = size_t{32} << 20;
// External memory costs nothing to trace, and is worth having again while it is in a cache. So it
// may start a collection that is short beside the use of so much memory: at this much, or this many
// times what there is to trace.
constexpr size_t kMinExternalTrigger = size_t{8} << 20;
constexpr size_t kExternalPerTraced = 4;
// Allocation sizes above this are refused outright (and would overflow size computations).
constexpr size_t kMaxObjectBytes = size_t{1} << 46;

size_t LargeObjectBytes(Object* object) {
  switch (object->kind) {
    case ObjectKind::kString:
      return StringObject::Bytes(static_cast<StringObject*>(object)->length);
    case ObjectKind::kVector:
      return VectorObject::Bytes(static_cast<VectorObject*>(object)->length);
    case ObjectKind::kBytevector:
      return BytevectorObject::Bytes(static_cast<BytevectorObject*>(object)->length);
    case ObjectKind::kValues:
      return ValuesObject::Bytes(static_cast<ValuesObject*>(object)->length);
    default:
      return ClosureObject::Bytes(static_cast<ClosureObject*>(object)->capture_count);
  }
}

void TraceObject(Object* object, Marker& marker) {
  switch (object->kind) {
    case ObjectKind::kPair:
      marker.Mark(static_cast<PairObject*>(object)->car);
      marker.Mark(static_cast<PairObject*>(object)->cdr);
      return;
    case ObjectKind::kVector:
      return marker.MarkAll(static_cast<VectorObject*>(object)->span());
    case ObjectKind::kValues:
      return marker.MarkAll(static_cast<ValuesObject*>(object)->span());
    case ObjectKind::kBox:
      return marker.Mark(static_cast<BoxObject*>(object)->value);
    case ObjectKind::kContinuation:
      return marker.Mark(static_cast<ContinuationObject*>(object)->segment);
    case ObjectKind::kSegment:
      marker.Mark(static_cast<SegmentObject*>(object)->next);
      return marker.Mark(static_cast<SegmentObject*>(object)->saved);
    case ObjectKind::kClosure: {
      auto* closure = static_cast<ClosureObject*>(object);
      marker.MarkObject(closure->code->self);
      return marker.MarkAll({closure->captures, closure->capture_count});
    }
    case ObjectKind::kCode:
      return marker.MarkAll(static_cast<CodeObject*>(object)->code->constants);
    case ObjectKind::kForeign: {
      auto* foreign = static_cast<ForeignObject*>(object);
      if (foreign->data && foreign->type->trace) foreign->type->trace(foreign->data, marker);
      return;
    }
    case ObjectKind::kFree:
    case ObjectKind::kString:
    case ObjectKind::kSymbol:
    case ObjectKind::kBytevector:
    case ObjectKind::kInt64:
    case ObjectKind::kNative:
      return;
  }
}

void Finalize(Object* object) {
  if (object->kind == ObjectKind::kCode) {
    delete static_cast<CodeObject*>(object)->code;
  } else if (object->kind == ObjectKind::kForeign) {
    auto* foreign = static_cast<ForeignObject*>(object);
    if (foreign->data && foreign->type->finalize) foreign->type->finalize(foreign->data);
  }
}

void Prefetch(const Object* object) { __builtin_prefetch(object); }

}  // namespace

// Long spans are looked at at once, so that no more objects are kept than there are.
void Marker::MarkLong(std::span<const Value> values) {
  for (size_t i = 0; i < values.size(); ++i) {
    if (i + kAhead < values.size() && values[i + kAhead].IsObject()) {
      Prefetch(values[i + kAhead].AsObject());
    }
    if (values[i].IsObject() && !values[i].AsObject()->marked) MarkObject(values[i].AsObject());
  }
}

// An object that was not marked yet, and now is; null when there is none left.
Object* Marker::Next() {
  while (true) {
    for (; waiting_ < kAhead && !found_.empty(); ++waiting_) {
      Object* object = found_.back();
      found_.pop_back();
      Prefetch(object);
      ahead_[(first_ + waiting_) % kAhead] = object;
    }
    if (waiting_ == 0) return nullptr;
    Object* object = ahead_[first_];
    first_ = (first_ + 1) % kAhead;
    --waiting_;
    if (object->marked) continue;
    object->marked = true;
    return object;
  }
}

struct Heap::Impl {
  // Where one size class gets its next range from: further runs, then blocks that were not swept
  // yet.
  struct SizeClass {
    FreeRun* runs = nullptr;
    std::vector<Block*> blocks;
    size_t next_unswept = 0;
  };

  RootSource* roots;
  Range* ranges;
  bool stress;
  SizeClass classes[kSizeClassCount];
  BlockSource source;
  std::vector<Object*> large;
  std::vector<Object*> finalizable;  // foreign objects and code
  InternTable strings;
  size_t large_bytes = 0;
  size_t allocated_since = 0;  // bytes handed to allocation since the last collection
  size_t live_small = 0;       // bytes of live cells found by the last marking
  int64_t external_at_collection = 0;
  size_t trigger = kMinTrigger;                   // of what was allocated here and outside
  size_t external_trigger = kMinExternalTrigger;  // of what was allocated outside

  // `external`: bytes outside that its objects keep now.
  bool WantsCollection(int64_t external) const {
    const int64_t grown = std::max<int64_t>(external - external_at_collection, 0);
    const auto outside = static_cast<size_t>(grown);
    return allocated_since + outside > trigger || outside > external_trigger;
  }
  void MakeRange(int size_class);
  void TakeRun(int size_class);
  void SweepNext(SizeClass& c);
  void FinishSweep();
  void* AllocateLarge(size_t bytes);
  void MarkFrom(Marker& marker, std::vector<Value*>& roots,
                std::vector<std::vector<Value>*>& vectors);
  void MarkFound(Marker& marker);
  void FreeUnmarkedLarge();
  void FinalizeUnmarked();
  void StartSweep();
};

// Sweeps further blocks, or takes a new one, until there is a free run.
void Heap::Impl::MakeRange(int size_class) {
  SizeClass& c = classes[size_class];
  while (c.runs == nullptr) {
    if (c.next_unswept == c.blocks.size()) c.blocks.push_back(source.Take(size_class));
    SweepNext(c);
  }
  TakeRun(size_class);
}

void Heap::Impl::TakeRun(int size_class) {
  FreeRun*& runs = classes[size_class].runs;
  FreeRun* run = runs;
  auto* begin = reinterpret_cast<char*>(run);
  const size_t cell_bytes = kCellSizes[size_class];
  const size_t count = stress ? 1 : run->cell_count;  // under stress each object asks anew
  runs = run->next;
  if (count < run->cell_count) {
    auto* rest = reinterpret_cast<FreeRun*>(begin + cell_bytes);
    ASAN_UNPOISON_MEMORY_REGION(rest, sizeof(FreeRun));
    rest->cell_count = static_cast<uint32_t>(run->cell_count - count);
    rest->next = runs;
    runs = rest;
  }
  ranges[size_class] = {begin, begin + count * cell_bytes};
  allocated_since += count * cell_bytes;
}

void Heap::Impl::SweepNext(SizeClass& c) {
  size_t live;
  c.runs = c.blocks[c.next_unswept++]->Sweep(c.runs, &live);
}

// Sweeps what the mutator did not get to, so that no mark is left; gives empty blocks back.
void Heap::Impl::FinishSweep() {
  for (SizeClass& c : classes) {
    size_t kept = c.next_unswept;
    for (size_t i = c.next_unswept; i < c.blocks.size(); ++i) {
      size_t live;
      c.blocks[i]->Sweep(nullptr, &live);
      if (live > 0) {
        c.blocks[kept++] = c.blocks[i];
      } else {
        source.Give(c.blocks[i]);
      }
    }
    c.blocks.resize(kept);
    c.next_unswept = kept;
    c.runs = nullptr;
    ranges[&c - classes] = {};
  }
}

void* Heap::Impl::AllocateLarge(size_t bytes) {
  ETA_CHECK(bytes <= kMaxObjectBytes);
  void* memory = std::malloc(bytes);
  if (memory == nullptr) throw std::bad_alloc();
  large.push_back(static_cast<Object*>(memory));
  large_bytes += bytes;
  allocated_since += bytes;
  return memory;
}

void Heap::Impl::MarkFrom(Marker& marker, std::vector<Value*>& root_values,
                          std::vector<std::vector<Value>*>& vectors) {
  roots->TraceRoots(marker);
  for (Value* root : root_values) marker.Mark(*root);
  for (auto* vector : vectors) marker.MarkAll(*vector);
  MarkFound(marker);
}

void Heap::Impl::MarkFound(Marker& marker) {
  while (Object* object = marker.Next()) {
    if (object->size_class != kLargeObject) live_small += kCellSizes[object->size_class];
    TraceObject(object, marker);
  }
}

void Heap::Impl::FreeUnmarkedLarge() {
  auto dead = [this](Object* object) {
    if (object->marked) {
      object->marked = false;
      return false;
    }
    large_bytes -= LargeObjectBytes(object);
    std::free(object);
    return true;
  };
  large.erase(std::remove_if(large.begin(), large.end(), dead), large.end());
}

void Heap::Impl::FinalizeUnmarked() {
  auto dead = [](Object* object) {
    if (object->marked) return false;
    Finalize(object);
    return true;
  };
  finalizable.erase(std::remove_if(finalizable.begin(), finalizable.end(), dead),
                    finalizable.end());
}

void Heap::Impl::StartSweep() {
  for (SizeClass& c : classes) c.next_unswept = 0;
}

Heap::Heap(RootSource* roots, Options options)
    : options_(std::move(options)), impl_(std::make_unique<Impl>()) {
  impl_->roots = roots;
  impl_->ranges = ranges_;
  impl_->stress = options_.stress;
}

Heap::~Heap() {
  for (Object* object : impl_->finalizable) Finalize(object);
  for (Object* object : impl_->large) std::free(object);
}

void Heap::Collect() noexcept {
  const auto start = std::chrono::steady_clock::now();
  impl_->FinishSweep();
  impl_->live_small = 0;
  Marker marker;
  impl_->MarkFrom(marker, roots_, root_vectors_);
  impl_->strings.DropUnmarked();
  impl_->roots->DropUnmarked();
  impl_->FinalizeUnmarked();
  impl_->FreeUnmarkedLarge();
  impl_->StartSweep();
  impl_->allocated_since = 0;
  impl_->external_at_collection = external_bytes_.load(std::memory_order_relaxed);
  ++stats_.collections;
  stats_.live_bytes = used_bytes();
  stats_.pause_ns += std::chrono::nanoseconds(std::chrono::steady_clock::now() - start).count();
  // Grow by as much as is live, but near the limit collect earlier rather than pass it.
  const size_t live = stats_.live_bytes;
  const size_t room = options_.limit_bytes > live ? options_.limit_bytes - live : 0;
  impl_->trigger = std::max(std::min(std::max(kMinTrigger, live), room), kMinTrigger / 8);
  // A native may go far above the limit before the VM can fail: not with a collection at each step.
  if (live > options_.limit_bytes) impl_->trigger = std::max(impl_->trigger, live / 4);
  const size_t traced = impl_->live_small + impl_->large_bytes;
  impl_->external_trigger = std::max(kMinExternalTrigger, kExternalPerTraced * traced);
  if (live > options_.limit_bytes) options_.on_limit();
}

size_t Heap::used_bytes() const {
  const int64_t external = external_bytes_.load(std::memory_order_relaxed);
  return impl_->live_small + impl_->large_bytes + impl_->allocated_since +
         static_cast<size_t>(std::max<int64_t>(external, 0));
}

bool Heap::CanAllocate(size_t bytes) const {
  return bytes <= kMaxObjectBytes && bytes <= options_.limit_bytes &&
         used_bytes() <= options_.limit_bytes - bytes;
}

template <class T>
T* Heap::New(size_t bytes) {
  T* object = bytes <= kMaxCellBytes ? Bump<T>(bytes) : nullptr;
  return object ? object : NewSlow<T>(bytes);
}

// The one place where a collection can start, unless somebody asks for it.
void Heap::CollectIfDue() {
  if (options_.stress || impl_->WantsCollection(external_bytes_.load(std::memory_order_relaxed))) {
    Collect();
  }
}

template <class T>
T* Heap::NewSlow(size_t bytes) {
  CollectIfDue();
  if (bytes <= kMaxCellBytes) {
    const int size_class = SizeClassFor(bytes);
    if (ranges_[size_class].next == ranges_[size_class].end) impl_->MakeRange(size_class);
    return Bump<T>(bytes);
  }
  auto* object = static_cast<T*>(impl_->AllocateLarge(bytes));
  static_cast<Object&>(*object) = {T::kKind, false, kLargeObject, 0};
  return object;
}

Value Heap::ConsSlow(Value car, Value cdr) {
  const Root keep_car(*this, car), keep_cdr(*this, cdr);
  auto* pair = NewSlow<PairObject>(sizeof(PairObject));
  pair->car = car;
  pair->cdr = cdr;
  return Value::Of(pair);
}

Value Heap::String(std::string_view bytes) {
  ETA_CHECK(bytes.size() < UINT32_MAX);
  const uint64_t hash = HashBytes(bytes, options_.hash_seed);
  if (StringObject* known = impl_->strings.Find(bytes, hash)) return Value::Of(known);
  auto* string = New<StringObject>(StringObject::Bytes(bytes.size()));
  string->length = static_cast<uint32_t>(bytes.size());
  string->hash = hash;
  std::memcpy(string->bytes, bytes.data(), bytes.size());
  string->bytes[bytes.size()] = '\0';
  impl_->strings.Insert(string);
  return Value::Of(string);
}

Value Heap::Vector(size_t length, Value fill) {
  const size_t bytes = VectorObject::Bytes(length);
  auto* vector = bytes <= kMaxCellBytes ? Bump<VectorObject>(bytes) : nullptr;
  if (vector == nullptr) {
    const Root keep(*this, fill);
    vector = NewSlow<VectorObject>(bytes);
  }
  vector->length = length;
  std::fill_n(vector->elements, length, fill);
  return Value::Of(vector);
}

VectorObject* Heap::UnfilledVector(size_t length) {
  auto* vector = New<VectorObject>(VectorObject::Bytes(length));
  vector->length = length;
  return vector;
}

Value Heap::Bytevector(std::span<const uint8_t> bytes) {
  auto* vector = New<BytevectorObject>(BytevectorObject::Bytes(bytes.size()));
  vector->length = bytes.size();
  std::copy(bytes.begin(), bytes.end(), vector->bytes);
  return Value::Of(vector);
}

Value Heap::BoxedInteger(int64_t i) {
  auto* integer = New<Int64Object>(sizeof(Int64Object));
  integer->value = i;
  return Value::Of(integer);
}

Value Heap::Values(std::span<const Value> values) {
  auto* packet = New<ValuesObject>(ValuesObject::Bytes(values.size()));
  packet->length = static_cast<uint32_t>(values.size());
  std::copy(values.begin(), values.end(), packet->elements);
  return Value::Of(packet);
}

Value Heap::BoxSlow(Value v) {
  const Root keep(*this, v);
  auto* box = NewSlow<BoxObject>(sizeof(BoxObject));
  box->value = v;
  return Value::Of(box);
}

ClosureObject* Heap::Closure(const Code* code, uint32_t capture_count) {
  const size_t bytes = ClosureObject::Bytes(std::max<size_t>(capture_count, 1));
  auto* closure = bytes <= kMaxCellBytes ? Bump<ClosureObject>(bytes) : nullptr;
  if (closure == nullptr) {
    const Root keep(*this, Value::Of(code->self));
    closure = NewSlow<ClosureObject>(bytes);
  }
  closure->code = code;
  closure->capture_count = capture_count;
  std::fill_n(closure->captures, capture_count, Value::Nil());
  return closure;
}

Value Heap::Native(const NativeDef* def) {
  auto* native = New<NativeObject>(sizeof(NativeObject));
  native->def = def;
  return Value::Of(native);
}

Value Heap::Symbol(const std::string* name) {
  auto* symbol = New<SymbolObject>(sizeof(SymbolObject));
  symbol->name = name;
  return Value::Of(symbol);
}

ContinuationObject* Heap::Continuation(uint64_t handler_id) {
  auto* continuation = New<ContinuationObject>(sizeof(ContinuationObject));
  continuation->handler_id = handler_id;
  continuation->segment = Value::Nil();
  return continuation;
}

SegmentObject* Heap::Segment(Value next, Value* begin, Value* end, const void* resume,
                             uint64_t run) {
  auto* segment = New<SegmentObject>(sizeof(SegmentObject));
  segment->next = next;
  segment->saved = Value::Nil();
  segment->begin = begin;
  segment->end = end;
  segment->resume = resume;
  segment->run = run;
  return segment;
}

CodeObject* Heap::NewCode(std::unique_ptr<Code> code) {
  RootVector constants(*this);
  constants.values() = code->constants;
  auto* object = New<CodeObject>(sizeof(CodeObject));
  code->shape = code->required_args | (code->has_rest ? Code::kVariadic : 0);
  object->code = code.release();
  object->code->self = object;
  impl_->finalizable.push_back(object);
  return object;
}

Value Heap::Foreign(const ForeignType* type, void* data) {
  CollectIfDue();  // its data may be large
  auto* foreign = New<ForeignObject>(sizeof(ForeignObject));
  foreign->type = type;
  foreign->data = data;
  impl_->finalizable.push_back(foreign);
  return Value::Of(foreign);
}

Value Heap::List(std::span<const Value> items, Value tail) {
  Root list(*this, tail);
  for (size_t i = items.size(); i-- > 0;) list = Cons(items[i], list);
  return list;
}

void Heap::Verify() {
  impl_->FinishSweep();
  std::unordered_set<const Object*> large(impl_->large.begin(), impl_->large.end());
  std::unordered_set<const Block*> blocks;
  for (auto& c : impl_->classes) blocks.insert(c.blocks.begin(), c.blocks.end());
  Marker marker;
  impl_->roots->TraceRoots(marker);
  for (Value* root : roots_) marker.Mark(*root);
  for (auto* vector : root_vectors_) marker.MarkAll(*vector);
  std::vector<Object*> seen;
  while (Object* object = marker.Next()) {
    seen.push_back(object);
    ETA_CHECK(object->kind > ObjectKind::kFree && object->kind <= ObjectKind::kForeign);
    if (object->size_class == kLargeObject) {
      ETA_CHECK(large.contains(object));
    } else {
      auto* block = reinterpret_cast<Block*>(reinterpret_cast<uintptr_t>(object) &
                                             ~(uintptr_t{Block::kBytes} - 1));
      ETA_CHECK(blocks.contains(block) && block->IsCell(object));
      ETA_CHECK(block->size_class() == object->size_class);
    }
    if (object->kind == ObjectKind::kString) {
      auto* string = static_cast<StringObject*>(object);
      ETA_CHECK(impl_->strings.Find(string->view(), string->hash) == string);
    }
    TraceObject(object, marker);
  }
  for (Object* object : seen) object->marked = false;
}

}  // namespace eta
