// Hash sets: immutable, like hash maps.
#include "vm/builtins/builtins.h"
#include "vm/builtins/hash_tables.h"

namespace eta {
namespace {

constexpr std::string_view kNotASet = "expected a hash-set";

bool AddAll(TableBuilder* builder, Args keys) {
  for (Value key : keys) {
    if (!builder->Put(key, Value::True())) return false;
  }
  return true;
}

Value HashSet(Vm& vm, Args args) {
  TableBuilder builder(vm, "hash-set");
  return AddAll(&builder, args) ? builder.Finish(&kHashSetType) : Value::Failure();
}

Value MakeHashSet(Vm& vm, Args) { return NewHashTable(vm, &kHashSetType, {}); }
Value IsHashSet(Vm&, Args args) { return Value::Bool(HashSetOf(args[0]) != nullptr); }

Value Add(Vm& vm, Args args) {
  const Hamt* set = HashSetOf(args[0]);
  if (set == nullptr) return Wrong(vm, "hash-set-add", kNotASet);
  TableBuilder builder(vm, "hash-set-add", *set);
  if (!AddAll(&builder, args.subspan(1))) return Value::Failure();
  return builder.count() == set->count ? args[0] : builder.Finish(&kHashSetType);
}

Value Remove(Vm& vm, Args args) {
  const Hamt* set = HashSetOf(args[0]);
  if (set == nullptr) return Wrong(vm, "hash-set-remove", kNotASet);
  TableBuilder builder(vm, "hash-set-remove", *set);
  for (Value key : args.subspan(1)) {
    if (!builder.Remove(key)) return Value::Failure();
  }
  return builder.count() == set->count ? args[0] : builder.Finish(&kHashSetType);
}

Value Contains(Vm& vm, Args args) {
  const Hamt* set = HashSetOf(args[0]);
  if (set == nullptr) return Wrong(vm, "hash-set-contains?", kNotASet);
  const auto hash = KeyHash(vm, "hash-set-contains?", args[1]);
  if (!hash) return Value::Failure();
  return Value::Bool(HamtFind(vm, *set, args[1], *hash) != nullptr);
}

Value Union(Vm& vm, Args args) {
  const Hamt* a = HashSetOf(args[0]);
  const Hamt* b = HashSetOf(args[1]);
  if (a == nullptr || b == nullptr) return Wrong(vm, "hash-set-union", kNotASet);
  TableBuilder builder(vm, "hash-set-union", *a);
  HamtIterator iterator(*b);
  for (HamtEntry entry; iterator.Next(&entry);) (void)builder.Put(entry.key, Value::True());
  return builder.Finish(&kHashSetType);
}

// The first set without the elements that the second has, or without those that it lacks.
Value Without(Vm& vm, Args args, std::string_view name, bool those_shared) {
  const Hamt* a = HashSetOf(args[0]);
  const Hamt* b = HashSetOf(args[1]);
  if (a == nullptr || b == nullptr) return Wrong(vm, name, kNotASet);
  TableBuilder builder(vm, name, *a);
  HamtIterator iterator(*a);
  for (HamtEntry entry; iterator.Next(&entry);) {
    const bool is_shared = HamtFind(vm, *b, entry.key, entry.hash) != nullptr;
    if (is_shared == those_shared) (void)builder.Remove(entry.key);
  }
  return builder.Finish(&kHashSetType);
}

Value Intersect(Vm& vm, Args args) { return Without(vm, args, "hash-set-intersect", false); }
Value Difference(Vm& vm, Args args) { return Without(vm, args, "hash-set-diff", true); }

Value ToList(Vm& vm, Args args) {
  const Hamt* set = HashSetOf(args[0]);
  if (set == nullptr) return Wrong(vm, "hash-set->list", kNotASet);
  Root list(vm.heap());
  HamtIterator iterator(*set);
  for (HamtEntry entry; iterator.Next(&entry);) list = vm.heap().Cons(entry.key, list);
  return list;
}

Value FromList(Vm& vm, Args args) {
  constexpr std::string_view kName = "list->hash-set";
  TableBuilder builder(vm, kName);
  ListWalker walk(args[0]);
  for (; walk.More(); walk.Next()) {
    if (!builder.Put(walk.item(), Value::True())) return Value::Failure();
  }
  return walk.IsProper() ? builder.Finish(&kHashSetType) : Wrong(vm, kName, "not a proper list");
}

constexpr NativeDef kNatives[] = {
    {"hash-set", HashSet, 0, kAnyCount, "(hash-set v ...): a set of the arguments"},
    {"make-hash-set", MakeHashSet, 0, 0, "(make-hash-set): an empty set"},
    {"hash-set?", IsHashSet, 1, 1, "(hash-set? v): whether v is a hash set"},
    {"hash-set-add", Add, 2, kAnyCount, "(hash-set-add s v ...): s with v"},
    {"hash-set-remove", Remove, 2, kAnyCount, "(hash-set-remove s v ...): s without v"},
    {"hash-set-contains?", Contains, 2, 2, "(hash-set-contains? s v): whether v is in s"},
    {"hash-set-union", Union, 2, 2, "(hash-set-union a b): what is in a or b"},
    {"hash-set-intersect", Intersect, 2, 2, "(hash-set-intersect a b): what is in a and b"},
    {"hash-set-diff", Difference, 2, 2, "(hash-set-diff a b): what is in a but not in b"},
    {"hash-set->list", ToList, 1, 1, "(hash-set->list s): its elements, in no given order"},
    {"list->hash-set", FromList, 1, 1, "(list->hash-set xs): a set of the elements"},
};

}  // namespace

std::span<const NativeDef> HashSetBuiltins() { return kNatives; }

}  // namespace eta
