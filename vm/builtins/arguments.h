// What most builtins need: checks of their arguments, with the usual messages.
#pragma once

#include <algorithm>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "vm/list_walker.h"
#include "vm/vm.h"

namespace eta {

// "NAME: reason"
inline Value Wrong(Vm& vm, std::string_view name, std::string_view reason) {
  return vm.TypeError(std::string(name) + ": " + std::string(reason));
}

// An index into something of `length`, exclusive; nothing when it is out of bounds or no integer.
inline std::optional<size_t> IndexBelow(Value v, size_t length) {
  if (!v.IsInt() || v.AsInt() < 0 || static_cast<uint64_t>(v.AsInt()) >= length) return {};
  return static_cast<size_t>(v.AsInt());
}

// The text of a symbol or a string; nothing for anything else.
inline std::optional<std::string_view> NameText(Value v) {
  if (IsString(v)) return StringView(v);
  if (IsSymbol(v)) return SymbolName(v);
  return std::nullopt;
}

// The name that a symbol or a string gives an option, without the colon that may lead it; empty for
// anything else.
inline std::string_view OptionName(Value v) {
  std::string_view name = NameText(v).value_or("");
  if (name.starts_with(':')) name.remove_prefix(1);
  return name;
}

// Whether `bytes` more fit into the heap, if need be after a collection; then with some to spare,
// so that a full heap is not collected again and again for a few bytes each. False: heap-error
// pending. REQUIRES: everything in use is rooted.
inline bool MakeRoom(Vm& vm, std::string_view name, size_t bytes) {
  constexpr size_t kSpareBytes = size_t{1} << 20;
  Heap& heap = vm.heap();
  if (heap.CanAllocate(bytes)) return true;
  heap.Collect();
  const size_t spare = std::min(kSpareBytes, heap.stats().live_bytes / 16);
  if (heap.CanAllocate(std::max(bytes, spare))) return true;
  (void)vm.Fail(kHeapError, std::string(name) + ": no room for " + std::to_string(bytes) +
                                " bytes within the heap limit");
  return false;
}

// The list of `items`, if it fits into the heap; otherwise heap-error pending.
// REQUIRES: `items` are rooted.
inline Value MakeListOf(Vm& vm, std::string_view name, std::span<const Value> items) {
  if (!MakeRoom(vm, name, items.size() * sizeof(PairObject))) return Value::Failure();
  return vm.heap().List(items);
}

// Longer strings than this do not exist.
inline constexpr size_t kMaxStringBytes = UINT32_MAX - 1;

// Whether a string of so many bytes can be made; false: heap-error pending.
inline bool MakeRoomForString(Vm& vm, std::string_view name, size_t bytes) {
  if (bytes <= kMaxStringBytes) return MakeRoom(vm, name, bytes);
  (void)vm.Fail(kHeapError, std::string(name) + ": the string would be longer than 4 GiB");
  return false;
}

// Arguments that may also come as one list: its elements, otherwise the arguments themselves.
// Nothing when the list is not a proper one.
inline std::optional<std::vector<Value>> SpreadList(Args args) {
  if (args.size() != 1 || !(IsPair(args[0]) || args[0].IsNil())) {
    return std::vector<Value>(args.begin(), args.end());
  }
  return ListItems(args[0]);
}

}  // namespace eta
