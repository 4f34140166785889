// How C++ extends the language: procedures (NativeDef) and kinds of value (ForeignType).
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "vm/object.h"

namespace eta {

class Vm;
class Marker;
struct ForeignTransfer;

// Arguments of a native call. The values are rooted, and the span is valid, until the native
// returns. Where they lie is the interpreter's affair.
using Args = std::span<const Value>;

// Returns the result, or `vm.Fail(...)` / `vm.Raise(...)`, whose mark the interpreter recognizes.
using NativeFn = Value (*)(Vm& vm, Args args);

inline constexpr int kAnyCount = -1;

// One builtin procedure. Definitions are constexpr rows of static tables.
struct NativeDef {
  std::string_view name;  // as the program spells it
  NativeFn fn;
  int min_args;
  int max_args;          // kAnyCount: no upper bound
  std::string_view doc;  // usage line and one sentence: "(car pair): the first half of a pair"

  // In unsigned arithmetic, where kAnyCount is the largest number.
  constexpr bool Takes(int count) const {
    return static_cast<unsigned>(count - min_args) <= static_cast<unsigned>(max_args - min_args);
  }
};

// Written form of a value: display for people, write for the reader.
enum class PrintMode : uint8_t { kDisplay, kWrite };

// What the VM needs to know of a foreign kind of value. Null members mean the default given.
struct ForeignType {
  std::string_view name;  // "port", "tensor"
  // Marks the Values that `data` holds. Default: it holds none.
  void (*trace)(void* data, Marker& marker) = nullptr;
  // Frees `data`, and takes off what it was counted with (Heap::AddExternalBytes). Runs soon after
  // the object became garbage, on the VM's thread, and at its end.
  void (*finalize)(void* data) = nullptr;
  // Appends the printed form. Default: #<name>.
  void (*print)(Vm& vm, void* data, PrintMode mode, std::string* out) = nullptr;
  // Structural equality for equal?. Default: identity.
  bool (*equal)(Vm& vm, void* a, void* b) = nullptr;
  // Structural hash, consistent with `equal`. Default: the value cannot be a hash key.
  uint64_t (*hash)(Vm& vm, void* data) = nullptr;
  // How it travels to another VM (vm/transfer.h). Default: it cannot.
  const ForeignTransfer* transfer = nullptr;
};

// The data of a foreign value of this type, otherwise null.
inline void* ForeignData(Value v, const ForeignType* type) {
  const auto* foreign = As<ForeignObject>(v);
  return foreign && foreign->type == type ? foreign->data : nullptr;
}

}  // namespace eta
