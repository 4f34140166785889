#include "vm/hamt.h"

#include <algorithm>
#include <bit>

#include "vm/equality.h"
#include "vm/transfer.h"
#include "vm/vm.h"

namespace eta {
namespace {

constexpr int kBitsPerLevel = 5;
constexpr uint32_t kLevelMask = (1u << kBitsPerLevel) - 1;
// HashValue has 46 bits: ten levels tell all hashes apart, below are nodes of equal hashes.
constexpr int kLevels = 10;
constexpr size_t kHeader = 2;
constexpr size_t kEntrySlots = 3;

// A node with its two bit sets decoded.
struct Node {
  explicit Node(Value v) : object(As<VectorObject>(v)) {
    entries = static_cast<uint32_t>(object->elements[0].AsInt());
    children = static_cast<uint32_t>(object->elements[1].AsInt());
  }
  Value at(size_t slot) const { return object->elements[slot]; }
  bool HasHash(size_t slot, uint64_t hash) const {
    return at(slot).AsInt() == static_cast<int64_t>(hash);
  }

  VectorObject* object;
  uint32_t entries;
  uint32_t children;
};

uint32_t BitFor(uint64_t hash, int level) {
  return 1u << (hash >> (level * kBitsPerLevel) & kLevelMask);
}
size_t Rank(uint32_t bits, uint32_t bit) { return std::popcount(bits & (bit - 1)); }
size_t EntrySlot(const Node& node, uint32_t bit) {
  return kHeader + kEntrySlots * Rank(node.entries, bit);
}
size_t ChildSlot(const Node& node, uint32_t bit) {
  return kHeader + kEntrySlots * std::popcount(node.entries) + Rank(node.children, bit);
}

// One edit of a table: what is inserted or removed, and what came of it.
struct Edit {
  Vm& vm;
  uint64_t hash;
  Value key;
  Value value;
  bool changed_count = false;
  Heap& heap() const { return vm.heap(); }
};

// A copy of `node` in which `removed` slots from `at` on are replaced by `added`.
// REQUIRES: the node and the values are rooted.
Value Splice(Heap& heap, const Node& node, size_t at, size_t removed, std::span<const Value> added,
             uint32_t entries, uint32_t children) {
  const size_t length = node.object->length - removed + added.size();
  VectorObject* copy = heap.UnfilledVector(length);
  const Value* from = node.object->elements;
  Value* to = copy->elements;
  Value* end = std::copy(from, from + at, to);
  end = std::copy(added.begin(), added.end(), end);
  std::copy(from + at + removed, from + node.object->length, end);
  to[0] = Value::Int(entries);
  to[1] = Value::Int(children);
  return Value::Of(copy);
}

Value ReplaceSlot(Heap& heap, const Node& node, size_t slot, Value value) {
  return Splice(heap, node, slot, 1, {&value, 1}, node.entries, node.children);
}

Value NewNode(Heap& heap, uint32_t entries, uint32_t children, std::span<const Value> slots) {
  VectorObject* node = heap.UnfilledVector(kHeader + slots.size());
  Value* to = node->elements;
  to[0] = Value::Int(entries);
  to[1] = Value::Int(children);
  std::copy(slots.begin(), slots.end(), to + kHeader);
  return Value::Of(node);
}

// The subtree that holds the entry at old[0..2] and the new one.
Value Pair(const Edit& edit, std::span<const Value> old, int level) {
  const auto old_hash = static_cast<uint64_t>(old[0].AsInt());
  const Value fresh[] = {Value::Int(static_cast<int64_t>(edit.hash)), edit.key, edit.value};
  Value both[] = {old[0], old[1], old[2], fresh[0], fresh[1], fresh[2]};
  if (level == kLevels) return NewNode(edit.heap(), 2, 0, both);
  const uint32_t old_bit = BitFor(old_hash, level);
  const uint32_t bit = BitFor(edit.hash, level);
  if (old_bit == bit) {
    Root child(edit.heap(), Pair(edit, old, level + 1));
    const Value slots[] = {child};
    return NewNode(edit.heap(), 0, bit, slots);
  }
  if (bit < old_bit) std::rotate(both, both + kEntrySlots, both + 2 * kEntrySlots);
  return NewNode(edit.heap(), bit | old_bit, 0, both);
}

// The slot of the entry with the edit's key in a node of equal hashes; 0 when it is not there.
size_t FindInBucket(Vm& vm, const Node& node, Value key) {
  for (size_t i = 0; i < node.entries; ++i) {
    const size_t slot = kHeader + i * kEntrySlots;
    if (Equal(vm, node.at(slot + 1), key)) return slot;
  }
  return 0;
}

Value WithValue(const Edit& edit, const Node& node, size_t slot) {
  if (node.at(slot + 2) == edit.value) return Value::Of(node.object);
  return ReplaceSlot(edit.heap(), node, slot + 2, edit.value);
}

Value AddEntry(Edit& edit, const Node& node, size_t slot, uint32_t entries) {
  edit.changed_count = true;
  const Value entry[] = {Value::Int(static_cast<int64_t>(edit.hash)), edit.key, edit.value};
  return Splice(edit.heap(), node, slot, 0, entry, entries, node.children);
}

Value InsertIntoBucket(Edit& edit, const Node& node) {
  if (const size_t slot = FindInBucket(edit.vm, node, edit.key)) return WithValue(edit, node, slot);
  return AddEntry(edit, node, node.object->length, node.entries + 1);
}

// The entry of another key stands where the new one belongs: both move one level down.
Value PushDown(Edit& edit, const Node& node, uint32_t bit, int level) {
  edit.changed_count = true;
  Heap& heap = edit.heap();
  const size_t slot = EntrySlot(node, bit);
  Root child(heap, Pair(edit, node.object->span().subspan(slot, kEntrySlots), level + 1));
  Root without(heap, Splice(heap, node, slot, kEntrySlots, {}, node.entries & ~bit, node.children));
  const Node rest(without);
  const Value added[] = {child};
  return Splice(heap, rest, ChildSlot(rest, bit), 0, added, rest.entries, rest.children | bit);
}

Value Insert(Edit& edit, Value at, int level) {
  const Node node(at);
  if (level == kLevels) return InsertIntoBucket(edit, node);
  const uint32_t bit = BitFor(edit.hash, level);
  if (node.children & bit) {
    const size_t slot = ChildSlot(node, bit);
    Root child(edit.heap(), Insert(edit, node.at(slot), level + 1));
    if (child.get() == node.at(slot)) return at;
    return ReplaceSlot(edit.heap(), node, slot, child);
  }
  const size_t slot = EntrySlot(node, bit);
  if (!(node.entries & bit)) return AddEntry(edit, node, slot, node.entries | bit);
  if (node.HasHash(slot, edit.hash) && Equal(edit.vm, node.at(slot + 1), edit.key)) {
    return WithValue(edit, node, slot);
  }
  return PushDown(edit, node, bit, level);
}

Value RemoveEntry(Edit& edit, const Node& node, size_t slot, uint32_t entries) {
  edit.changed_count = true;
  if (entries == 0 && node.children == 0) return Value::Nil();
  return Splice(edit.heap(), node, slot, kEntrySlots, {}, entries, node.children);
}

Value RemoveFromBucket(Edit& edit, const Node& node) {
  const size_t slot = FindInBucket(edit.vm, node, edit.key);
  if (slot == 0) return Value::Of(node.object);
  return RemoveEntry(edit, node, slot, node.entries - 1);
}

// `node` after its child at `bit` lost an entry. A child left with one entry moves up into it.
Value WithSmallerChild(Edit& edit, const Node& node, uint32_t bit, Value child) {
  Heap& heap = edit.heap();
  const size_t slot = ChildSlot(node, bit);
  const Node small(child);
  if (small.children != 0 || small.object->length != kHeader + kEntrySlots) {
    return ReplaceSlot(heap, node, slot, child);
  }
  Root keep(heap, child);
  Root without(heap, Splice(heap, node, slot, 1, {}, node.entries, node.children & ~bit));
  const Node rest(without);
  return Splice(heap, rest, EntrySlot(rest, bit), 0, small.object->span().subspan(kHeader),
                rest.entries | bit, rest.children);
}

Value Remove(Edit& edit, Value at, int level) {
  const Node node(at);
  if (level == kLevels) return RemoveFromBucket(edit, node);
  const uint32_t bit = BitFor(edit.hash, level);
  if (node.children & bit) {
    const Value old = node.at(ChildSlot(node, bit));
    Root child(edit.heap(), Remove(edit, old, level + 1));
    return child.get() == old ? at : WithSmallerChild(edit, node, bit, child);
  }
  const size_t slot = EntrySlot(node, bit);
  const bool found = (node.entries & bit) && node.HasHash(slot, edit.hash) &&
                     Equal(edit.vm, node.at(slot + 1), edit.key);
  return found ? RemoveEntry(edit, node, slot, node.entries & ~bit) : at;
}

void Trace(void* data, Marker& marker) { marker.Mark(static_cast<Hamt*>(data)->root); }
void Finalize(void* data) { delete static_cast<Hamt*>(data); }

// --- To another Vm: entry by entry, since its hashes may differ ----------------------------------

void ListEntries(const void* data, std::vector<Value>* out) {
  HamtIterator entries(*static_cast<const Hamt*>(data));
  for (HamtEntry entry; entries.Next(&entry);) {
    out->push_back(entry.key);
    out->push_back(entry.value);
  }
}

// A key that has been changed since, to what can be none, is left out: nobody could find it.
void AdoptEntries(Vm& vm, void* data, std::span<const Value> values) {
  auto* table = static_cast<Hamt*>(data);
  for (size_t i = 0; i < values.size(); i += 2) {
    const auto hash = HashValue(vm, values[i]);
    if (hash) *table = HamtInsert(vm, *table, values[i], *hash, values[i + 1]);
  }
}

constexpr ForeignTransfer kTableTransfer = {
    .copy = [](const void*, Transfer&) -> void* { return new Hamt{}; },
    .values = ListEntries,
    .adopt = AdoptEntries,
};

}  // namespace

// Printer, Equal and HashValue know these two themselves, so that deep nesting of tables in tables
// needs no native recursion.
const ForeignType kHashMapType = {
    .name = "hash-map", .trace = Trace, .finalize = Finalize, .transfer = &kTableTransfer};
const ForeignType kHashSetType = {
    .name = "hash-set", .trace = Trace, .finalize = Finalize, .transfer = &kTableTransfer};

const Hamt* HashMapOf(Value v) { return static_cast<Hamt*>(ForeignData(v, &kHashMapType)); }
const Hamt* HashSetOf(Value v) { return static_cast<Hamt*>(ForeignData(v, &kHashSetType)); }
const Hamt* HashTableOf(Value v) {
  const Hamt* map = HashMapOf(v);
  return map ? map : HashSetOf(v);
}

Value NewHashTable(Vm& vm, const ForeignType* type, const Hamt& table) {
  Root keep(vm.heap(), table.root);
  return vm.heap().Foreign(type, new Hamt(table));
}

const Value* HamtFind(Vm& vm, const Hamt& table, Value key, uint64_t hash) {
  if (table.root.IsNil()) return nullptr;
  Node node(table.root);
  for (int level = 0; level < kLevels; ++level) {
    const uint32_t bit = BitFor(hash, level);
    if (node.entries & bit) {
      const size_t slot = EntrySlot(node, bit);
      const bool found = node.HasHash(slot, hash) && Equal(vm, node.at(slot + 1), key);
      return found ? &node.object->elements[slot + 2] : nullptr;
    }
    if (!(node.children & bit)) return nullptr;
    node = Node(node.at(ChildSlot(node, bit)));
  }
  const size_t slot = FindInBucket(vm, node, key);
  return slot ? &node.object->elements[slot + 2] : nullptr;
}

Hamt HamtInsert(Vm& vm, const Hamt& table, Value key, uint64_t hash, Value value) {
  Edit edit{vm, hash, key, value};
  if (table.root.IsNil()) {
    const Value entry[] = {Value::Int(static_cast<int64_t>(hash)), key, value};
    return {NewNode(vm.heap(), BitFor(hash, 0), 0, entry), 1, hash};
  }
  const Value root = Insert(edit, table.root, 0);
  if (!edit.changed_count) return {root, table.count, table.hash_sum};
  return {root, table.count + 1, table.hash_sum + hash};
}

Hamt HamtRemove(Vm& vm, const Hamt& table, Value key, uint64_t hash) {
  if (table.root.IsNil()) return table;
  Edit edit{vm, hash, key, Value::Nil()};
  const Value root = Remove(edit, table.root, 0);
  if (!edit.changed_count) return table;
  return {root, table.count - 1, table.hash_sum - hash};
}

HamtIterator::HamtIterator(const Hamt& table) {
  if (!table.root.IsNil()) Enter(table.root, 0);
}

void HamtIterator::Enter(Value at, int level) {
  const Node node(at);
  const bool is_bucket = level == kLevels;
  const size_t entries = is_bucket ? node.entries : std::popcount(node.entries);
  path_.push_back({node.object, kHeader, kHeader + kEntrySlots * entries,
                   is_bucket ? node.entries : node.entries | node.children, level});
}

bool HamtIterator::Next(HamtEntry* entry) {
  while (!path_.empty()) {
    Position& top = path_.back();
    if (top.left == 0) {
      path_.pop_back();
      continue;
    }
    const Value* slots = top.node->elements;
    const uint32_t bit = top.left & -top.left;
    const bool is_bucket = top.level == kLevels;
    top.left = is_bucket ? top.left - 1 : top.left & ~bit;
    if (!is_bucket && (static_cast<uint32_t>(slots[1].AsInt()) & bit)) {
      const int level = top.level + 1;
      Enter(slots[top.child++], level);
      continue;
    }
    slots += top.entry;
    top.entry += kEntrySlots;
    *entry = {static_cast<uint64_t>(slots[0].AsInt()), slots[1], slots[2]};
    return true;
  }
  return false;
}

}  // namespace eta
