#include "vm/heap.h"

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <unordered_set>

#include "vm/block.h"
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
// Empty blocks kept for reuse instead of being returned to the system.
constexpr size_t kSpareBlocks = 64;
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

}  // namespace

struct Heap::Impl {
  // Where one size class allocates: a bump range inside a free run, then further runs, then blocks
  // that were not swept yet.
  struct SizeClass {
    char* bump = nullptr;
    char* end = nullptr;
    FreeRun* runs = nullptr;
    std::vector<Block*> blocks;
    size_t next_unswept = 0;
  };

  RootSource* roots;
  SizeClass classes[kSizeClassCount];
  std::vector<Block*> spare_blocks;
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
  void* AllocateSmall(int size_class);
  bool Refill(SizeClass& c);
  Block* NewBlock(int size_class);
  void SweepNext(SizeClass& c);
  void FinishSweep();
  void* AllocateLarge(size_t bytes);
  void MarkFrom(Marker& marker, std::vector<Value*>& roots,
                std::vector<std::vector<Value>*>& vectors);
  void DrainGrey(Marker& marker);
  void FreeUnmarkedLarge();
  void FinalizeUnmarked();
  void StartSweep();
};

void* Heap::Impl::AllocateSmall(int size_class) {
  SizeClass& c = classes[size_class];
  if (c.bump == c.end) [[unlikely]] {
    while (!Refill(c)) c.blocks.push_back(NewBlock(size_class));
  }
  void* cell = c.bump;
  c.bump += kCellSizes[size_class];
  return cell;
}

// Makes the next free run the bump range, sweeping further blocks as needed.
bool Heap::Impl::Refill(SizeClass& c) {
  while (c.runs == nullptr) {
    if (c.next_unswept == c.blocks.size()) return false;
    SweepNext(c);
  }
  FreeRun* run = c.runs;
  c.runs = run->next;
  const size_t bytes = run->cell_count * size_t{kCellSizes[&c - classes]};
  c.bump = reinterpret_cast<char*>(run);
  c.end = c.bump + bytes;
  allocated_since += bytes;
  return true;
}

// The new block counts as unswept: sweeping it yields its one free run.
Block* Heap::Impl::NewBlock(int size_class) {
  if (spare_blocks.empty()) return Block::New(size_class);
  Block* block = spare_blocks.back();
  spare_blocks.pop_back();
  block->Reset(size_class);
  return block;
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
      } else if (spare_blocks.size() < kSpareBlocks) {
        spare_blocks.push_back(c.blocks[i]);
      } else {
        Block::Delete(c.blocks[i]);
      }
    }
    c.blocks.resize(kept);
    c.next_unswept = kept;
    c.runs = nullptr;
    c.bump = c.end = nullptr;
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
  DrainGrey(marker);
}

void Heap::Impl::DrainGrey(Marker& marker) {
  while (!marker.grey_.empty()) {
    Object* object = marker.grey_.back();
    marker.grey_.pop_back();
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
}

Heap::~Heap() {
  for (Object* object : impl_->finalizable) Finalize(object);
  for (Object* object : impl_->large) std::free(object);
  for (auto& c : impl_->classes) {
    for (Block* block : c.blocks) Block::Delete(block);
  }
  for (Block* block : impl_->spare_blocks) Block::Delete(block);
}

void Heap::Collect() {
  const auto start = std::chrono::steady_clock::now();
  impl_->FinishSweep();
  impl_->live_small = 0;
  Marker marker;
  impl_->MarkFrom(marker, roots_, root_vectors_);
  impl_->strings.DropUnmarked();
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

// The one place where memory is handed out, and where a collection can start.
template <class T>
T* Heap::New(size_t bytes) {
  if (options_.stress || impl_->WantsCollection(external_bytes_.load(std::memory_order_relaxed))) {
    Collect();
  }
  T* object;
  if (bytes <= kMaxCellBytes) {
    const int size_class = SizeClassFor(bytes);
    object = static_cast<T*>(impl_->AllocateSmall(size_class));
    object->size_class = static_cast<uint8_t>(size_class);
  } else {
    object = static_cast<T*>(impl_->AllocateLarge(bytes));
    object->size_class = kLargeObject;
  }
  object->kind = T::kKind;
  object->marked = false;
  object->flags = 0;
  return object;
}

Value Heap::Cons(Value car, Value cdr) {
  Root keep_car(*this, car), keep_cdr(*this, cdr);
  auto* pair = New<PairObject>(sizeof(PairObject));
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
  Root keep(*this, fill);
  auto* vector = New<VectorObject>(VectorObject::Bytes(length));
  vector->length = length;
  std::fill_n(vector->elements, length, fill);
  return Value::Of(vector);
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

Value Heap::Box(Value v) {
  Root keep(*this, v);
  auto* box = New<BoxObject>(sizeof(BoxObject));
  box->value = v;
  return Value::Of(box);
}

ClosureObject* Heap::Closure(const Code* code, uint32_t capture_count) {
  Root keep(*this, Value::Of(code->self));
  auto* closure = New<ClosureObject>(ClosureObject::Bytes(std::max<size_t>(capture_count, 1)));
  closure->code = code;
  closure->capture_count = capture_count;
  std::fill_n(closure->captures, std::max<uint32_t>(capture_count, 1), Value::Nil());
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
  while (!marker.grey_.empty()) {
    Object* object = marker.grey_.back();
    marker.grey_.pop_back();
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
