// Bytevectors: bytes that can be changed. Indices count bytes, from 0.
#include <algorithm>
#include <cstring>

#include "vm/builtins/arguments.h"
#include "vm/builtins/builtins.h"
#include "vm/utf8.h"

namespace eta {
namespace {

constexpr std::string_view kNotABytevector = "argument is not a bytevector";
constexpr std::string_view kNotAByte = "a byte must be an integer from 0 to 255";
constexpr size_t kMaxLength = size_t{1} << 45;  // above any heap limit

std::optional<uint8_t> ByteOf(Value v) {
  const auto byte = IndexBelow(v, 256);
  return byte ? std::optional(static_cast<uint8_t>(*byte)) : std::nullopt;
}

Value IsBytevector(Vm&, Args args) { return Value::Bool(Is(args[0], ObjectKind::kBytevector)); }

// A bytevector of these bytes, which may lie in one on the heap: objects do not move.
Value NewBytevector(Vm& vm, std::string_view name, std::span<const uint8_t> bytes) {
  if (!MakeRoom(vm, name, BytevectorObject::Bytes(bytes.size()))) return Value::Failure();
  return vm.heap().Bytevector(bytes);
}

Value BytevectorP(Vm& vm, Args args) {
  std::vector<uint8_t> bytes;
  for (Value v : args) {
    const auto byte = ByteOf(v);
    if (!byte) return Wrong(vm, "bytevector", kNotAByte);
    bytes.push_back(*byte);
  }
  return NewBytevector(vm, "bytevector", bytes);
}

Value MakeBytevector(Vm& vm, Args args) {
  constexpr std::string_view kName = "make-bytevector";
  const auto length = IndexBelow(args[0], kMaxLength);
  const auto fill = args.size() > 1 ? ByteOf(args[1]) : std::optional<uint8_t>(0);
  if (!length) return Wrong(vm, kName, "length must be a non-negative integer");
  if (!fill) return Wrong(vm, kName, kNotAByte);
  if (!MakeRoom(vm, kName, 2 * BytevectorObject::Bytes(*length))) return Value::Failure();
  return vm.heap().Bytevector(std::vector<uint8_t>(*length, *fill));
}

Value BytevectorLength(Vm& vm, Args args) {
  const auto* bytes = As<BytevectorObject>(args[0]);
  if (bytes == nullptr) return Wrong(vm, "bytevector-length", kNotABytevector);
  return Value::Int(static_cast<int64_t>(bytes->length));
}

Value BytevectorRef(Vm& vm, Args args) {
  const auto* bytes = As<BytevectorObject>(args[0]);
  if (bytes == nullptr) return Wrong(vm, "bytevector-u8-ref", kNotABytevector);
  const auto index = IndexBelow(args[1], bytes->length);
  if (!index) return Wrong(vm, "bytevector-u8-ref", "index out of bounds");
  return Value::Int(bytes->bytes[*index]);
}

Value BytevectorSet(Vm& vm, Args args) {
  auto* bytes = As<BytevectorObject>(args[0]);
  if (bytes == nullptr) return Wrong(vm, "bytevector-u8-set!", kNotABytevector);
  const auto index = IndexBelow(args[1], bytes->length);
  const auto byte = ByteOf(args[2]);
  if (!index) return Wrong(vm, "bytevector-u8-set!", "index out of bounds");
  if (!byte) return Wrong(vm, "bytevector-u8-set!", kNotAByte);
  bytes->bytes[*index] = *byte;
  return Value::Nil();
}

// The bytes that (f v [start [end]]) is about; nothing: failed.
std::optional<std::span<uint8_t>> Slice(Vm& vm, Value v, Args bounds, std::string_view name) {
  auto* bytes = As<BytevectorObject>(v);
  if (bytes == nullptr) {
    (void)Wrong(vm, name, kNotABytevector);
    return {};
  }
  const auto end = bounds.size() > 1 ? IndexBelow(bounds[1], bytes->length + 1) : bytes->length;
  const auto start = bounds.empty() ? 0 : IndexBelow(bounds[0], end.value_or(0) + 1);
  if (!start || !end) {
    (void)Wrong(vm, name, "indices out of bounds");
    return {};
  }
  return bytes->span().subspan(*start, *end - *start);
}

Value BytevectorCopy(Vm& vm, Args args) {
  const auto from = Slice(vm, args[0], args.subspan(1), "bytevector-copy");
  return from ? NewBytevector(vm, "bytevector-copy", *from) : Value::Failure();
}

Value BytevectorCopyInto(Vm& vm, Args args) {
  constexpr std::string_view kName = "bytevector-copy!";
  const auto to = Slice(vm, args[0], {}, kName);
  const auto from = to ? Slice(vm, args[2], args.subspan(3), kName) : std::nullopt;
  if (!from) return Value::Failure();
  const auto at = IndexBelow(args[1], to->size() + 1);
  if (!at || from->size() > to->size() - *at) return Wrong(vm, kName, "indices out of bounds");
  std::memmove(to->data() + *at, from->data(), from->size());  // they may overlap
  return Value::Nil();
}

Value BytevectorFill(Vm& vm, Args args) {
  const auto bytes = Slice(vm, args[0], args.subspan(2), "bytevector-fill!");
  if (!bytes) return Value::Failure();
  const auto fill = ByteOf(args[1]);
  if (!fill) return Wrong(vm, "bytevector-fill!", kNotAByte);
  std::ranges::fill(*bytes, *fill);
  return Value::Nil();
}

Value BytevectorAppend(Vm& vm, Args args) {
  std::vector<uint8_t> all;
  for (Value v : args) {
    const auto bytes = Slice(vm, v, {}, "bytevector-append");
    if (!bytes || !MakeRoom(vm, "bytevector-append", all.size() + bytes->size())) {
      return Value::Failure();
    }
    all.insert(all.end(), bytes->begin(), bytes->end());
  }
  return NewBytevector(vm, "bytevector-append", all);
}

Value Utf8ToString(Vm& vm, Args args) {
  const auto bytes = Slice(vm, args[0], args.subspan(1), "utf8->string");
  if (!bytes) return Value::Failure();
  const std::string text(reinterpret_cast<const char*>(bytes->data()), bytes->size());
  if (FindInvalidUtf8(text) != std::string::npos) {
    return Wrong(vm, "utf8->string", "the bytes are not UTF-8");
  }
  return MakeRoomForString(vm, "utf8->string", text.size()) ? vm.String(text) : Value::Failure();
}

Value StringToUtf8(Vm& vm, Args args) {
  constexpr std::string_view kName = "string->utf8";
  if (!IsString(args[0])) return Wrong(vm, kName, "argument is not a string");
  const std::string_view text = StringView(args[0]);
  const auto end = args.size() > 2 ? IndexBelow(args[2], text.size() + 1) : text.size();
  const auto start = args.size() > 1 ? IndexBelow(args[1], end.value_or(0) + 1) : 0;
  if (!start || !end) return Wrong(vm, kName, "indices out of bounds");
  return NewBytevector(vm, kName,
                       {reinterpret_cast<const uint8_t*>(text.data()) + *start, *end - *start});
}

constexpr NativeDef kNatives[] = {
    {"bytevector?", IsBytevector, 1, 1, "(bytevector? v): whether v is a bytevector"},
    {"bytevector", BytevectorP, 0, kAnyCount, "(bytevector byte ...): a bytevector of the bytes"},
    {"make-bytevector", MakeBytevector, 1, 2,
     "(make-bytevector n [byte]): a bytevector of n times the byte, 0 by default"},
    {"bytevector-length", BytevectorLength, 1, 1, "(bytevector-length b): the number of bytes"},
    {"bytevector-u8-ref", BytevectorRef, 2, 2, "(bytevector-u8-ref b i): the byte at i, from 0"},
    {"bytevector-u8-set!", BytevectorSet, 3, 3,
     "(bytevector-u8-set! b i byte): makes it the byte at i"},
    {"bytevector-copy", BytevectorCopy, 1, 3,
     "(bytevector-copy b [start [end]]): the bytes in a new one"},
    {"bytevector-copy!", BytevectorCopyInto, 3, 5,
     "(bytevector-copy! to at from [start [end]]): copies bytes of one into another"},
    {"bytevector-fill!", BytevectorFill, 2, 4,
     "(bytevector-fill! b byte [start [end]]): makes it each byte"},
    {"bytevector-append", BytevectorAppend, 0, kAnyCount,
     "(bytevector-append b ...): the bytevectors in one"},
    {"utf8->string", Utf8ToString, 1, 3, "(utf8->string b [start [end]]): the text of the bytes"},
    {"string->utf8", StringToUtf8, 1, 3, "(string->utf8 s [start [end]]): the bytes of the string"},
};

}  // namespace

std::span<const NativeDef> BytevectorBuiltins() { return kNatives; }

}  // namespace eta
