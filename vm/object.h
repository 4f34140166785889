// The objects that live on a heap. Plain structs: the Heap allocates, traces and frees them.
//
// Variable-sized objects end in an array that the allocation includes. A pointer to an object is
// valid as long as the object is reachable from a root; objects never move.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "vm/value.h"

namespace eta {

struct Code;
struct NativeDef;
struct ForeignType;

enum class ObjectKind : uint8_t {
  kFree,  // a cell that holds no object; zero, so that fresh memory is free cells
  kPair,
  kString,
  kSymbol,
  kVector,
  kBytevector,
  kInt64,
  kClosure,
  kNative,
  kContinuation,
  kSegment,
  kValues,
  kBox,
  kCode,
  kForeign,
};

struct Object {
  ObjectKind kind;
  bool marked;         // between collections always false for live cells of swept blocks
  uint8_t size_class;  // Heap's own; kLargeObject for objects outside the blocks
  uint8_t flags;       // zero but while the printer looks for cycles
};
static_assert(sizeof(Object) == 4);

struct PairObject : Object {
  static constexpr ObjectKind kKind = ObjectKind::kPair;
  Value car, cdr;
};

// Immutable bytes, usually UTF-8; interned per heap, so equal contents are the same object.
struct StringObject : Object {
  static constexpr ObjectKind kKind = ObjectKind::kString;
  uint32_t length;  // in bytes, without the terminating NUL
  uint64_t hash;    // of the contents, with the heap's seed
  char bytes[8];    // really length + 1
  std::string_view view() const { return {bytes, length}; }
  static constexpr size_t Bytes(size_t length);
};

// One per name and VM; never freed.
struct SymbolObject : Object {
  static constexpr ObjectKind kKind = ObjectKind::kSymbol;
  const std::string* name;  // in the VM's SymbolTable
};

struct VectorObject : Object {
  static constexpr ObjectKind kKind = ObjectKind::kVector;
  uint64_t length;
  Value elements[1];  // really length
  std::span<Value> span() { return {elements, length}; }
  static constexpr size_t Bytes(size_t length);
};

struct BytevectorObject : Object {
  static constexpr ObjectKind kKind = ObjectKind::kBytevector;
  uint64_t length;
  uint8_t bytes[8];  // really length
  std::span<uint8_t> span() { return {bytes, length}; }
  static constexpr size_t Bytes(size_t length);
};

// An integer outside Value's inline range.
struct Int64Object : Object {
  static constexpr ObjectKind kKind = ObjectKind::kInt64;
  int64_t value;
};

// A procedure: code and the variables it captured (assigned ones as boxes).
struct ClosureObject : Object {
  static constexpr ObjectKind kKind = ObjectKind::kClosure;
  uint32_t capture_count;
  const Code* code;   // kept alive through code->self
  Value captures[1];  // really capture_count
  static constexpr size_t Bytes(size_t capture_count);
};

struct NativeObject : Object {
  static constexpr ObjectKind kKind = ObjectKind::kNative;
  const NativeDef* def;  // static
};

// A packet of other than one value, from `values`.
struct ValuesObject : Object {
  static constexpr ObjectKind kKind = ObjectKind::kValues;
  uint32_t length;
  Value elements[1];  // really length
  std::span<Value> span() { return {elements, length}; }
  static constexpr size_t Bytes(size_t length);
};

// The cell of a variable that is both captured and assigned.
struct BoxObject : Object {
  static constexpr ObjectKind kKind = ObjectKind::kBox;
  Value value;
};

// Owns a Code; closures over it and enclosing code refer to it.
struct CodeObject : Object {
  static constexpr ObjectKind kKind = ObjectKind::kCode;
  Code* code;  // deleted with this object
};

// From call/cc: leaves for an entry of the handler stack as long as that is there, otherwise puts
// the segments of the stack back that it was made on. Without segments, it never outlives its
// entry.
struct ContinuationObject : Object {
  static constexpr ObjectKind kKind = ObjectKind::kContinuation;
  uint64_t handler_id;
  Value segment;  // a SegmentObject, or ()
};

// A stretch of the stack that continuations need: see vm/continuations.cc.
struct SegmentObject : Object {
  static constexpr ObjectKind kKind = ObjectKind::kSegment;
  Value next;          // the segment below, or ()
  Value saved;         // a vector of its contents, or () as long as they stand on the stack
  Value* begin;        // where it is on the stack
  Value* end;          // the call window whose result the topmost procedure waits for
  const void* resume;  // the word where that procedure goes on
  uint64_t run;        // which run of the interpreter it belongs to
};

// Something of a library's: a port, a hash map, a tensor. `data` is the type's own.
struct ForeignObject : Object {
  static constexpr ObjectKind kKind = ObjectKind::kForeign;
  const ForeignType* type;
  void* data;  // null once closed by its type, or finalized
};

// Sizes of the variable-sized objects: what their declaration counts, with the real array.
constexpr size_t StringObject::Bytes(size_t length) {
  return sizeof(StringObject) - 8 + length + 1;
}
constexpr size_t VectorObject::Bytes(size_t length) {
  return sizeof(VectorObject) + length * sizeof(Value) - sizeof(Value);
}
constexpr size_t BytevectorObject::Bytes(size_t length) {
  return sizeof(BytevectorObject) - 8 + length;
}
constexpr size_t ClosureObject::Bytes(size_t capture_count) {
  return sizeof(ClosureObject) + capture_count * sizeof(Value) - sizeof(Value);
}
constexpr size_t ValuesObject::Bytes(size_t length) {
  return sizeof(ValuesObject) + length * sizeof(Value) - sizeof(Value);
}

inline bool Is(Value v, ObjectKind kind) { return v.IsObject() && v.AsObject()->kind == kind; }

// The object behind `v` when it is a T, otherwise null.
template <class T>
T* As(Value v) {
  return Is(v, T::kKind) ? static_cast<T*>(v.AsObject()) : nullptr;
}

inline bool IsPair(Value v) { return Is(v, ObjectKind::kPair); }
inline bool IsString(Value v) { return Is(v, ObjectKind::kString); }
inline bool IsSymbol(Value v) { return Is(v, ObjectKind::kSymbol); }
inline bool IsVector(Value v) { return Is(v, ObjectKind::kVector); }
// Anything that can be called.
inline bool IsProcedure(Value v) {
  return Is(v, ObjectKind::kClosure) || Is(v, ObjectKind::kNative) ||
         Is(v, ObjectKind::kContinuation);
}
// Any integer, inline or on the heap; false for integral floats.
inline bool IsInteger(Value v) { return v.IsInt() || Is(v, ObjectKind::kInt64); }
inline bool IsNumber(Value v) { return v.IsDouble() || IsInteger(v); }

inline Value Car(Value pair) { return static_cast<PairObject*>(pair.AsObject())->car; }
inline Value Cdr(Value pair) { return static_cast<PairObject*>(pair.AsObject())->cdr; }
// REQUIRES: IsInteger(v).
inline int64_t ToInt64(Value v) {
  return v.IsInt() ? v.AsInt() : static_cast<Int64Object*>(v.AsObject())->value;
}
// REQUIRES: IsNumber(v).
inline double ToDouble(Value v) {
  return v.IsDouble() ? v.AsDouble() : static_cast<double>(ToInt64(v));
}
// REQUIRES: IsString(v). Valid as long as the string is reachable.
inline std::string_view StringView(Value v) {
  return static_cast<StringObject*>(v.AsObject())->view();
}
// REQUIRES: IsSymbol(v).
inline const std::string& SymbolName(Value v) {
  return *static_cast<SymbolObject*>(v.AsObject())->name;
}

}  // namespace eta
