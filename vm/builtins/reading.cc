// More ways to read, and ports of bytes. Each gives #f at the end of the input.
#include <algorithm>
#include <utility>

#include "vm/builtins/arguments.h"
#include "vm/builtins/builtins.h"
#include "vm/builtins/file_access.h"
#include "vm/port.h"
#include "vm/quote.h"
#include "vm/reader.h"
#include "vm/utf8.h"

namespace eta {
namespace {

// The open input port of the arguments from `at` on, of characters or of bytes; null with a
// type-error pending.
InputPort* Input(Vm& vm, Args args, size_t at, std::string_view name, bool binary) {
  InputPort* input = OpenInputIn(vm, name, args.size() > at ? args[at] : vm.current_input);
  if (input == nullptr || input->is_binary() == binary) return input;
  (void)Wrong(vm, name, binary ? "not a binary port" : "not a textual port");
  return nullptr;
}

OutputPort* BinaryOutput(Vm& vm, Args args, size_t at, std::string_view name) {
  OutputPort* output = OpenOutputIn(vm, name, args.size() > at ? args[at] : vm.current_output);
  if (output == nullptr || output->is_binary()) return output;
  (void)Wrong(vm, name, "not a binary port");
  return nullptr;
}

Value PeekChar(Vm& vm, Args args) {
  InputPort* input = Input(vm, args, 0, "peek-char", false);
  if (input == nullptr) return Value::Failure();
  const std::optional<uint32_t> c = input->PeekChar();
  return c ? Value::Char(*c) : Value::False();
}

// Nothing here ever waits for long: files and strings are ready, and so is a line of the console.
Value IsCharReady(Vm& vm, Args args) {
  return Input(vm, args, 0, "char-ready?", false) ? Value::True() : Value::Failure();
}

Value ReadString(Vm& vm, Args args) {
  const auto count = IndexBelow(args[0], kMaxStringBytes);
  if (!count) return Wrong(vm, "read-string", "count must be a non-negative integer");
  InputPort* input = Input(vm, args, 1, "read-string", false);
  if (input == nullptr) return Value::Failure();
  std::string text;
  for (size_t i = 0; i < *count; ++i) {
    const std::optional<uint32_t> c = input->ReadChar();
    if (!c) break;
    AppendUtf8(*c, &text);
  }
  if (text.empty() && *count > 0) return Value::False();
  return MakeRoomForString(vm, "read-string", text.size()) ? vm.String(text) : Value::Failure();
}

Value ReadFailure(Vm& vm, std::string message) {
  const Value field[] = {vm.Symbol("read"), Value::True()};
  const Root entry(vm.heap(), vm.heap().List(field));
  const Value fields[] = {entry};
  return vm.FailWith(kTypeError, "read: " + std::move(message), vm.heap().List(fields));
}

// What is in memory is tried as it comes, so that a line of the console will do; of much of it,
// twice as much each time.
Value Read(Vm& vm, Args args) {
  constexpr size_t kMuch = size_t{1} << 16;
  InputPort* input = Input(vm, args, 0, "read", false);
  if (input == nullptr) return Value::Failure();
  while (true) {
    DatumArena arena;
    const std::string_view text = input->Buffered();
    const auto first = ReadFirst(text, vm.names(), arena);
    if (!first) return ReadFailure(vm, first.error().message);
    const bool is_whole = first->datum && (first->end < text.size() || text.ends_with(')'));
    const size_t wanted = text.size() > kMuch ? 2 * text.size() : text.size() + 1;
    const bool grew = !is_whole && input->ReadMore();
    if (!grew) {
      input->Skip(first->end);
      if (first->datum) return DatumToValue(vm, first->datum);
      return first->ran_out ? ReadFailure(vm, "the input ends inside a datum") : Value::False();
    }
    while (input->Buffered().size() < wanted && input->ReadMore()) {
    }
  }
}

Value ReadByte(Vm& vm, Args args) {
  InputPort* input = Input(vm, args, 0, "read-u8", true);
  if (input == nullptr) return Value::Failure();
  const std::optional<uint8_t> byte = input->ReadByte();
  return byte ? Value::Int(*byte) : Value::False();
}

Value PeekByte(Vm& vm, Args args) {
  InputPort* input = Input(vm, args, 0, "peek-u8", true);
  if (input == nullptr) return Value::Failure();
  const std::optional<uint8_t> byte = input->PeekByte();
  return byte ? Value::Int(*byte) : Value::False();
}

Value ReadBytevector(Vm& vm, Args args) {
  const auto count = IndexBelow(args[0], size_t{1} << 40);
  if (!count) return Wrong(vm, "read-bytevector", "count must be a non-negative integer");
  InputPort* input = Input(vm, args, 1, "read-bytevector", true);
  if (input == nullptr) return Value::Failure();
  std::vector<uint8_t> bytes;
  while (bytes.size() < *count) {
    const std::optional<uint8_t> byte = input->ReadByte();
    if (!byte) break;
    bytes.push_back(*byte);
  }
  if (bytes.empty() && *count > 0) return Value::False();
  return vm.heap().Bytevector(bytes);
}

Value WriteByte(Vm& vm, Args args) {
  const auto byte = IndexBelow(args[0], 256);
  if (!byte) return Wrong(vm, "write-u8", "a byte must be an integer from 0 to 255");
  OutputPort* output = BinaryOutput(vm, args, 1, "write-u8");
  if (output == nullptr) return Value::Failure();
  const char c = static_cast<char>(*byte);
  return WriteTo(vm, "write-u8", *output, {&c, 1});
}

Value WriteBytevector(Vm& vm, Args args) {
  const auto* bytes = As<BytevectorObject>(args[0]);
  if (bytes == nullptr) return Wrong(vm, "write-bytevector", "argument is not a bytevector");
  OutputPort* output = BinaryOutput(vm, args, 1, "write-bytevector");
  if (output == nullptr) return Value::Failure();
  const std::string_view text(reinterpret_cast<const char*>(bytes->bytes), bytes->length);
  return WriteTo(vm, "write-bytevector", *output, text);
}

Value OpenInputBytevector(Vm& vm, Args args) {
  const auto* bytes = As<BytevectorObject>(args[0]);
  if (bytes == nullptr) return Wrong(vm, "open-input-bytevector", "argument is not a bytevector");
  return NewPort(vm, OpenBytesInput({reinterpret_cast<const char*>(bytes->bytes), bytes->length}));
}

Value OpenOutputBytevector(Vm& vm, Args) { return NewPort(vm, OpenBytesOutput()); }

Value GetOutputBytevector(Vm& vm, Args args) {
  const Port* port = PortOf(args[0]);
  const bool fits = port && port->is_binary() && port->direction() == Port::Direction::kOutput;
  const std::string* text = fits ? static_cast<const OutputPort*>(port)->contents() : nullptr;
  if (text == nullptr) return Wrong(vm, "get-output-bytevector", "not a bytevector output port");
  return vm.heap().Bytevector({reinterpret_cast<const uint8_t*>(text->data()), text->size()});
}

Value FlushOutput(Vm& vm, Args args) {
  OutputPort* output =
      OpenOutputIn(vm, "flush-output-port", args.empty() ? vm.current_output : args[0]);
  if (output == nullptr) return Value::Failure();
  return output->Flush() ? Value::Nil() : WriteError(vm, "flush-output-port");
}

Value IsBinary(Vm&, Args args) {
  const Port* port = PortOf(args[0]);
  return Value::Bool(port && port->is_binary());
}
Value IsTextual(Vm&, Args args) {
  const Port* port = PortOf(args[0]);
  return Value::Bool(port && !port->is_binary());
}
Value IsOpenInput(Vm&, Args args) {
  const Port* port = PortOf(args[0]);
  return Value::Bool(port && port->is_open() && port->direction() == Port::Direction::kInput);
}
Value IsOpenOutput(Vm&, Args args) {
  const Port* port = PortOf(args[0]);
  return Value::Bool(port && port->is_open() && port->direction() == Port::Direction::kOutput);
}

// The end of the input reads as #f.
Value EofObject(Vm&, Args) { return Value::False(); }
Value IsEofObject(Vm&, Args args) { return Value::Bool(args[0].IsFalse()); }

constexpr NativeDef kNatives[] = {
    {"peek-char", PeekChar, 0, 1, "(peek-char [port]): what read-char would give, without reading"},
    {"char-ready?", IsCharReady, 0, 1, "(char-ready? [port]): whether read-char would not wait"},
    {"read-string", ReadString, 1, 2, "(read-string n [port]): the next n characters, or fewer"},
    {"read", Read, 0, 1, "(read [port]): the next datum, #f at the end"},
    {"read-u8", ReadByte, 0, 1, "(read-u8 [port]): the next byte of a binary port"},
    {"peek-u8", PeekByte, 0, 1, "(peek-u8 [port]): the same, without reading"},
    {"read-bytevector", ReadBytevector, 1, 2,
     "(read-bytevector n [port]): the next n bytes of a binary port, or fewer"},
    {"write-u8", WriteByte, 1, 2, "(write-u8 byte [port]): writes it to a binary port"},
    {"write-bytevector", WriteBytevector, 1, 2,
     "(write-bytevector b [port]): writes the bytes to a binary port"},
    {"open-input-bytevector", OpenInputBytevector, 1, 1,
     "(open-input-bytevector b): a binary port to read b from"},
    {"open-output-bytevector", OpenOutputBytevector, 0, 0,
     "(open-output-bytevector): a binary port that collects"},
    {"get-output-bytevector", GetOutputBytevector, 1, 1,
     "(get-output-bytevector port): what the binary port collected so far"},
    {"flush-output-port", FlushOutput, 0, 1, "(flush-output-port [port]): writes what is buffered"},
    {"binary-port?", IsBinary, 1, 1, "(binary-port? v): whether v is a port of bytes"},
    {"textual-port?", IsTextual, 1, 1, "(textual-port? v): whether v is a port of characters"},
    {"input-port-open?", IsOpenInput, 1, 1, "(input-port-open? v): whether it can be read from"},
    {"output-port-open?", IsOpenOutput, 1, 1,
     "(output-port-open? v): whether it can be written to"},
    {"eof-object", EofObject, 0, 0, "(eof-object): what reading gives at the end, #f"},
    {"eof-object?", IsEofObject, 1, 1, "(eof-object? v): whether v is #f"},
};

}  // namespace

std::span<const NativeDef> ReadingBuiltins() { return kNatives; }

}  // namespace eta
