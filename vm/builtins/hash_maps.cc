// Hash maps: immutable; an update makes a new map that shares most of the old one.
#include "vm/builtins/builtins.h"
#include "vm/builtins/hash_tables.h"

namespace eta {
namespace {

constexpr std::string_view kNotAMap = "expected a hash-map";
constexpr std::string_view kOddCount = "expected an even number of key/value arguments";

Value OddCount(Vm& vm, std::string_view name) {
  return vm.Fail(kInvalidArity, std::string(name) + ": " + std::string(kOddCount));
}

// The map `start` with the alternating keys and values.
Value PutAll(Vm& vm, std::string_view name, const Hamt& start, Args pairs) {
  if (pairs.size() % 2 != 0) return OddCount(vm, name);
  TableBuilder builder(vm, name, start);
  for (size_t i = 0; i < pairs.size(); i += 2) {
    if (!builder.Put(pairs[i], pairs[i + 1])) return Value::Failure();
  }
  return builder.Finish(&kHashMapType);
}

Value HashMap(Vm& vm, Args args) { return PutAll(vm, "hash-map", {}, args); }
Value MakeHashMap(Vm& vm, Args) { return NewHashTable(vm, &kHashMapType, {}); }
Value IsHashMap(Vm&, Args args) { return Value::Bool(HashMapOf(args[0]) != nullptr); }

Value Assoc(Vm& vm, Args args) {
  const Hamt* map = HashMapOf(args[0]);
  if (map == nullptr) return Wrong(vm, "hash-map-assoc", kNotAMap);
  return PutAll(vm, "hash-map-assoc", *map, args.subspan(1));
}

Value Dissoc(Vm& vm, Args args) {
  const Hamt* map = HashMapOf(args[0]);
  if (map == nullptr) return Wrong(vm, "hash-map-dissoc", kNotAMap);
  TableBuilder builder(vm, "hash-map-dissoc", *map);
  for (Value key : args.subspan(1)) {
    if (!builder.Remove(key)) return Value::Failure();
  }
  return builder.count() == map->count ? args[0] : builder.Finish(&kHashMapType);
}

Value Ref(Vm& vm, Args args) {
  const Hamt* map = HashMapOf(args[0]);
  if (map == nullptr) {
    const bool is_second = HashMapOf(args[1]) != nullptr;
    return Wrong(vm, "hash-map-ref",
                 std::string(kNotAMap) + (is_second ? "; the map comes before the key" : ""));
  }
  const auto hash = KeyHash(vm, "hash-map-ref", args[1]);
  if (!hash) return Value::Failure();
  if (const Value* value = HamtFind(vm, *map, args[1], *hash)) return *value;
  return args.size() > 2 ? args[2] : vm.Fail(kUserError, "hash-map-ref: key not found");
}

Value Size(Vm& vm, Args args) {
  const Hamt* map = HashMapOf(args[0]);
  if (map == nullptr) return Wrong(vm, "hash-map-size", kNotAMap);
  return Value::Int(static_cast<int64_t>(map->count));
}

// A list of what `item` makes of each entry. The map is an argument of the native, so rooted.
template <class Item>
Value Collect(Vm& vm, Value v, std::string_view name, Item item) {
  const Hamt* map = HashMapOf(v);
  if (map == nullptr) return Wrong(vm, name, kNotAMap);
  Root list(vm.heap());
  HamtIterator iterator(*map);
  for (HamtEntry entry; iterator.Next(&entry);) list = vm.heap().Cons(item(entry), list);
  return list;
}

Value ToList(Vm& vm, Args args) {
  return Collect(vm, args[0], "hash-map->list",
                 [&](const HamtEntry& entry) { return vm.heap().Cons(entry.key, entry.value); });
}
Value Keys(Vm& vm, Args args) {
  return Collect(vm, args[0], "hash-map-keys", [](const HamtEntry& entry) { return entry.key; });
}
Value Values(Vm& vm, Args args) {
  return Collect(vm, args[0], "hash-map-values",
                 [](const HamtEntry& entry) { return entry.value; });
}

bool IsAssociationList(Value list) {
  ListWalker walk(list);
  for (; walk.More(); walk.Next()) {
    if (!IsPair(walk.item()) || Cdr(walk.item()).IsNil()) return false;
  }
  return walk.IsProper();
}

// The value that an element of an association list gives: of (k . v) and of (k v).
Value AssociatedValue(Value element) {
  const Value rest = Cdr(element);
  return IsPair(rest) && Cdr(rest).IsNil() ? Car(rest) : rest;
}

Value FromList(Vm& vm, Args args) {
  constexpr std::string_view kName = "list->hash-map";
  TableBuilder builder(vm, kName);
  const bool is_alist = IsAssociationList(args[0]);
  ListWalker walk(args[0]);
  for (; walk.More(); walk.Next()) {
    const Value item = walk.item();
    if (is_alist) {
      if (!builder.Put(Car(item), AssociatedValue(item))) return Value::Failure();
      continue;
    }
    walk.Next();
    if (!walk.More()) return OddCount(vm, kName);
    if (!builder.Put(item, walk.item())) return Value::Failure();
  }
  return walk.IsProper() ? builder.Finish(&kHashMapType) : Wrong(vm, kName, "not a proper list");
}

Value Hash(Vm& vm, Args args) {
  const auto hash = KeyHash(vm, "hash", args[0]);
  return hash ? vm.heap().Integer(static_cast<int64_t>(*hash)) : Value::Failure();
}

constexpr NativeDef kNatives[] = {
    {"hash-map", HashMap, 0, kAnyCount, "(hash-map k v ...): a map from each k to its v"},
    {"make-hash-map", MakeHashMap, 0, 0, "(make-hash-map): an empty map"},
    {"hash-map?", IsHashMap, 1, 1, "(hash-map? v): whether v is a hash map"},
    {"hash-map-ref", Ref, 2, 3, "(hash-map-ref m k [default]): what k maps to"},
    {"hash-map-assoc", Assoc, 3, kAnyCount, "(hash-map-assoc m k v ...): m with k mapped to v"},
    {"hash-map-dissoc", Dissoc, 2, kAnyCount, "(hash-map-dissoc m k ...): m without k"},
    {"hash-map-size", Size, 1, 1, "(hash-map-size m): the number of keys"},
    {"hash-map-keys", Keys, 1, 1, "(hash-map-keys m): a list of the keys, in no given order"},
    {"hash-map-values", Values, 1, 1, "(hash-map-values m): a list of the values, as the keys"},
    {"hash-map->list", ToList, 1, 1, "(hash-map->list m): a list of pairs (k . v)"},
    {"list->hash-map", FromList, 1, 1,
     "(list->hash-map xs): from pairs (k . v), lists (k v), or a flat list k v k v"},
    {"hash", Hash, 1, 1, "(hash v): an integer that is the same for equal values"},
};

}  // namespace

std::span<const NativeDef> HashMapBuiltins() { return kNatives; }

}  // namespace eta
