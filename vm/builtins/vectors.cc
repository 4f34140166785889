// Vectors. What calls back is in std.collections.
#include <algorithm>
#include <cstring>

#include "vm/builtins/arguments.h"
#include "vm/builtins/builtins.h"
#include "vm/utf8.h"

namespace eta {
namespace {

constexpr std::string_view kNotAVector = "argument is not a vector";
// Above any heap limit, below what would overflow a size in bytes.
constexpr size_t kMaxLength = size_t{1} << 45;

Value VectorP(Vm& vm, Args args) {
  const Value made = vm.heap().Vector(args.size(), Value::Nil());
  std::ranges::copy(args, As<VectorObject>(made)->elements);
  return made;
}

Value MakeVector(Vm& vm, Args args) {
  const auto length = IndexBelow(args[0], kMaxLength);
  if (!length) return Wrong(vm, "make-vector", "length must be a non-negative integer");
  if (!MakeRoom(vm, "make-vector", VectorObject::Bytes(*length))) return Value::Failure();
  return vm.heap().Vector(*length, args[1]);
}

Value VectorLength(Vm& vm, Args args) {
  const auto* vector = As<VectorObject>(args[0]);
  if (vector == nullptr) return Wrong(vm, "vector-length", kNotAVector);
  return Value::Int(static_cast<int64_t>(vector->length));
}

// Of (f v i ...).
Value NotAVector(Vm& vm, std::string_view name, Args args) {
  const bool is_swapped = As<VectorObject>(args[1]) != nullptr;
  return Wrong(
      vm, name,
      std::string(kNotAVector) + (is_swapped ? "; the vector comes before the index" : ""));
}

Value VectorRef(Vm& vm, Args args) {
  const auto* vector = As<VectorObject>(args[0]);
  if (vector == nullptr) return NotAVector(vm, "vector-ref", args);
  const auto index = IndexBelow(args[1], vector->length);
  return index ? vector->elements[*index] : Wrong(vm, "vector-ref", "index out of bounds");
}

Value VectorSet(Vm& vm, Args args) {
  auto* vector = As<VectorObject>(args[0]);
  if (vector == nullptr) return NotAVector(vm, "vector-set!", args);
  const auto index = IndexBelow(args[1], vector->length);
  if (!index) return Wrong(vm, "vector-set!", "index out of bounds");
  vector->elements[*index] = args[2];
  return Value::Nil();
}

// The elements that (f v [start [end]]) is about; nothing: failed.
std::optional<std::span<Value>> Slice(Vm& vm, Value v, Args bounds, std::string_view name) {
  auto* vector = As<VectorObject>(v);
  if (vector == nullptr) {
    (void)Wrong(vm, name, kNotAVector);
    return {};
  }
  const auto end = bounds.size() > 1 ? IndexBelow(bounds[1], vector->length + 1) : vector->length;
  const auto start = bounds.empty() ? 0 : IndexBelow(bounds[0], end.value_or(0) + 1);
  if (!start || !end) {
    (void)Wrong(vm, name, "indices out of bounds");
    return {};
  }
  return vector->span().subspan(*start, *end - *start);
}

Value VectorCopy(Vm& vm, Args args) {
  const auto from = Slice(vm, args[0], args.subspan(1), "vector-copy");
  if (!from || !MakeRoom(vm, "vector-copy", VectorObject::Bytes(from->size()))) {
    return Value::Failure();
  }
  const Value copy = vm.heap().Vector(from->size(), Value::Nil());
  std::ranges::copy(*from, As<VectorObject>(copy)->elements);
  return copy;
}

Value VectorFill(Vm& vm, Args args) {
  const auto elements = Slice(vm, args[0], args.subspan(2), "vector-fill!");
  if (!elements) return Value::Failure();
  std::ranges::fill(*elements, args[1]);
  return Value::Nil();
}

Value VectorAppend(Vm& vm, Args args) {
  size_t length = 0;
  for (Value v : args) {
    if (!IsVector(v)) return Wrong(vm, "vector-append", kNotAVector);
    length += As<VectorObject>(v)->length;
  }
  if (!MakeRoom(vm, "vector-append", VectorObject::Bytes(length))) return Value::Failure();
  const Value made = vm.heap().Vector(length, Value::Nil());
  Value* to = As<VectorObject>(made)->elements;
  for (Value v : args) to = std::ranges::copy(As<VectorObject>(v)->span(), to).out;
  return made;
}

Value VectorToList(Vm& vm, Args args) {
  auto* vector = As<VectorObject>(args[0]);
  if (vector == nullptr) return Wrong(vm, "vector->list", kNotAVector);
  return MakeListOf(vm, "vector->list", vector->span());
}

Value ListToVector(Vm& vm, Args args) {
  size_t length = 0;
  ListWalker walk(args[0]);
  for (; walk.More(); walk.Next()) ++length;
  if (!walk.IsProper()) return Wrong(vm, "list->vector", "not a proper list");
  if (!MakeRoom(vm, "list->vector", VectorObject::Bytes(length))) return Value::Failure();
  const Value vector = vm.heap().Vector(length, Value::Nil());
  Value* to = As<VectorObject>(vector)->elements;
  for (Value rest = args[0]; IsPair(rest); rest = Cdr(rest)) *to++ = Car(rest);
  return vector;
}

Value VectorCopyInto(Vm& vm, Args args) {
  constexpr std::string_view kName = "vector-copy!";
  const auto to = Slice(vm, args[0], {}, kName);
  const auto from = to ? Slice(vm, args[2], args.subspan(3), kName) : std::nullopt;
  if (!from) return Value::Failure();
  const auto at = IndexBelow(args[1], to->size() + 1);
  if (!at || from->size() > to->size() - *at) return Wrong(vm, kName, "indices out of bounds");
  std::memmove(to->data() + *at, from->data(), from->size_bytes());  // they may overlap
  return Value::Nil();
}

Value VectorToString(Vm& vm, Args args) {
  const auto elements = Slice(vm, args[0], args.subspan(1), "vector->string");
  if (!elements) return Value::Failure();
  std::string text;
  for (Value v : *elements) {
    if (!v.IsChar()) return Wrong(vm, "vector->string", "element is not a character");
    AppendUtf8(v.AsChar(), &text);
  }
  if (!MakeRoomForString(vm, "vector->string", text.size())) return Value::Failure();
  return vm.String(text);
}

// A symbol that no other type's tag is: NAME:COUNT:NUMBER, the number from the VM's seed so that
// replicas agree.
Value RecordTag(Vm& vm, Args args) {
  if (!IsSymbol(args[0])) return Wrong(vm, "%record-tag", "argument is not a symbol");
  const uint64_t count = ++vm.record_types;
  const uint64_t number = (vm.heap().hash_seed() + count) * 0x9E3779B97F4A7C15;
  return vm.Symbol(SymbolName(args[0]) + ":" + std::to_string(count) + ":" +
                   std::to_string(number >> 40));
}

Value IsRecordOf(Vm&, Args args) {
  const auto* vector = As<VectorObject>(args[0]);
  return Value::Bool(vector && vector->length > 0 && vector->elements[0] == args[1]);
}

constexpr NativeDef kNatives[] = {
    {"vector", VectorP, 0, kAnyCount, "(vector v ...): a vector of the arguments"},
    {"make-vector", MakeVector, 2, 2, "(make-vector n fill): a vector of n times fill"},
    {"vector-length", VectorLength, 1, 1, "(vector-length v): the number of elements"},
    {"vector-ref", VectorRef, 2, 2, "(vector-ref v i): the element at i, from 0"},
    {"vector-set!", VectorSet, 3, 3, "(vector-set! v i x): makes x the element at i"},
    {"vector-copy", VectorCopy, 1, 3, "(vector-copy v [start [end]]): the elements in a new one"},
    {"vector-fill!", VectorFill, 2, 4, "(vector-fill! v x [start [end]]): makes x each element"},
    {"vector-copy!", VectorCopyInto, 3, 5,
     "(vector-copy! to at from [start [end]]): copies elements of one vector into another"},
    {"vector->string", VectorToString, 1, 3,
     "(vector->string v [start [end]]): a string of the characters"},
    {"vector-append", VectorAppend, 0, kAnyCount, "(vector-append v ...): the vectors in one"},
    {"%record-tag", RecordTag, 1, 1,
     "(%record-tag name): a symbol to tag records of a new type with"},
    {"%record-of?", IsRecordOf, 2, 2, "(%record-of? v tag): whether v is a record of that type"},
    {"%vector->list", VectorToList, 1, 1, "(%vector->list v): its elements as a list"},
    {"%list->vector", ListToVector, 1, 1, "(%list->vector xs): its elements as a vector"},
};

}  // namespace

std::span<const NativeDef> VectorBuiltins() { return kNatives; }

}  // namespace eta
