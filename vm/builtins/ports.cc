// Input and output.
#include <algorithm>
#include <utility>

#include "vm/builtins/arguments.h"
#include "vm/builtins/builtins.h"
#include "vm/builtins/file_access.h"
#include "vm/port.h"
#include "vm/printer.h"
#include "vm/utf8.h"

namespace eta {
namespace {

bool IsPort(Value v, Port::Direction direction) {
  const Port* port = PortOf(v);
  return port && port->direction() == direction;
}

// Writes to the port, which must be an open output port.
Value WriteTo(Vm& vm, Value port, std::string_view name, std::string_view bytes) {
  OutputPort* output = OpenOutputIn(vm, name, port);
  return output ? WriteTo(vm, name, *output, bytes) : Value::Failure();
}

// The optional port argument of the printing procedures: what is no port means the current one.
Value PortOrCurrent(Vm& vm, Args args, size_t at) {
  return args.size() > at && PortOf(args[at]) ? args[at] : vm.current_output;
}

Value Display(Vm& vm, Args args) {
  const Value port = PortOrCurrent(vm, args, 1);
  if (IsString(args[0])) return WriteTo(vm, port, "display", StringView(args[0]));
  return WriteTo(vm, port, "display", ToText(vm, args[0], PrintMode::kDisplay));
}

Value Write(Vm& vm, Args args) {
  return WriteTo(vm, PortOrCurrent(vm, args, 1), "write", ToText(vm, args[0], PrintMode::kWrite));
}

Value Newline(Vm& vm, Args args) {
  return WriteTo(vm, PortOrCurrent(vm, args, 0), "newline", "\n");
}

Value DisplayLine(Vm& vm, Args args) {
  std::string text = ToText(vm, args[0], PrintMode::kDisplay);
  text += '\n';
  return WriteTo(vm, args[1], "println", text);
}

Value WriteChar(Vm& vm, Args args) {
  if (!args[0].IsChar()) return Wrong(vm, "write-char", "argument is not a character");
  std::string text;
  AppendUtf8(args[0].AsChar(), &text);
  return WriteTo(vm, args.size() > 1 ? args[1] : vm.current_output, "write-char", text);
}

Value WriteString(Vm& vm, Args args) {
  if (!IsString(args[0])) return Wrong(vm, "write-string", "argument is not a string");
  const Value port = args.size() > 1 ? args[1] : vm.current_output;
  return WriteTo(vm, port, "write-string", StringView(args[0]));
}

// The open input port to read from; null with something pending.
InputPort* Input(Vm& vm, Args args, std::string_view name) {
  return OpenInputIn(vm, name, args.empty() ? vm.current_input : args[0]);
}

Value ReadChar(Vm& vm, Args args) {
  InputPort* input = Input(vm, args, "read-char");
  if (input == nullptr) return Value::Failure();
  const std::optional<uint32_t> c = input->ReadChar();
  return c ? Value::Char(*c) : Value::False();
}

Value ReadLine(Vm& vm, Args args) {
  InputPort* input = Input(vm, args, "read-line");
  if (input == nullptr) return Value::Failure();
  std::optional<std::string> line = input->ReadLine();
  if (!line) return Value::False();
  std::erase(*line, '\r');
  if (!MakeRoomForString(vm, "read-line", line->size())) return Value::Failure();
  return vm.String(*line);
}

Value CurrentInput(Vm& vm, Args) { return vm.current_input; }
Value CurrentOutput(Vm& vm, Args) { return vm.current_output; }
Value CurrentError(Vm& vm, Args) { return vm.current_error; }

Value SetCurrentInput(Vm& vm, Args args) {
  if (!IsPort(args[0], Port::Direction::kInput)) {
    return Wrong(vm, "set-current-input-port!", "not an input port");
  }
  vm.current_input = args[0];
  return Value::Nil();
}

Value SetCurrentOutput(Vm& vm, Args args) {
  if (!IsPort(args[0], Port::Direction::kOutput)) {
    return Wrong(vm, "set-current-output-port!", "not an output port");
  }
  vm.current_output = args[0];
  return Value::Nil();
}

Value SetCurrentError(Vm& vm, Args args) {
  if (!IsPort(args[0], Port::Direction::kOutput)) {
    return Wrong(vm, "set-current-error-port!", "not an output port");
  }
  vm.current_error = args[0];
  return Value::Nil();
}

Value OpenInputString(Vm& vm, Args args) {
  if (!IsString(args[0])) return Wrong(vm, "open-input-string", "argument is not a string");
  return NewPort(vm, OpenStringInput(std::string(StringView(args[0]))));
}

Value OpenOutputString(Vm& vm, Args) { return NewPort(vm, OpenStringOutput()); }

Value GetOutputString(Vm& vm, Args args) {
  const bool is_output = IsPort(args[0], Port::Direction::kOutput) && !PortOf(args[0])->is_binary();
  const std::string* text =
      is_output ? static_cast<OutputPort*>(PortOf(args[0]))->contents() : nullptr;
  if (text == nullptr) return Wrong(vm, "get-output-string", "not a string output port");
  if (!MakeRoomForString(vm, "get-output-string", text->size())) return Value::Failure();
  return vm.String(*text);
}

Value OpenInputFile(Vm& vm, Args args) {
  const auto path = PathArgument(vm, "open-input-file", args[0]);
  if (!path) return Value::Failure();
  std::unique_ptr<Port> port = OpenForReading(vm, "open-input-file", *path);
  return port ? NewPort(vm, std::move(port)) : Value::Failure();
}

Value OpenOutputFile(Vm& vm, Args args) {
  const auto path = PathArgument(vm, "open-output-file", args[0]);
  if (!path) return Value::Failure();
  std::unique_ptr<Port> port = OpenForWriting(vm, "open-output-file", *path);
  return port ? NewPort(vm, std::move(port)) : Value::Failure();
}

Value Close(Vm& vm, Value v, std::string_view name) {
  if (PortOf(v)->Close()) return Value::Nil();
  return WriteError(vm, name);
}

Value ClosePort(Vm& vm, Args args) {
  if (!PortOf(args[0])) return Wrong(vm, "close-port", "not a port");
  return Close(vm, args[0], "close-port");
}

Value CloseInputPort(Vm& vm, Args args) {
  if (!IsPort(args[0], Port::Direction::kInput)) {
    return Wrong(vm, "close-input-port", "not an input port");
  }
  return Close(vm, args[0], "close-input-port");
}

Value CloseOutputPort(Vm& vm, Args args) {
  if (!IsPort(args[0], Port::Direction::kOutput)) {
    return Wrong(vm, "close-output-port", "not an output port");
  }
  return Close(vm, args[0], "close-output-port");
}

Value IsPortP(Vm&, Args args) { return Value::Bool(PortOf(args[0]) != nullptr); }
Value IsInput(Vm&, Args args) { return Value::Bool(IsPort(args[0], Port::Direction::kInput)); }
Value IsOutput(Vm&, Args args) { return Value::Bool(IsPort(args[0], Port::Direction::kOutput)); }

constexpr NativeDef kNatives[] = {
    {"display", Display, 1, 2, "(display v [port]): writes v for people"},
    {"write", Write, 1, 2, "(write v [port]): writes v so that it can be read back"},
    {"newline", Newline, 0, 1, "(newline [port]): ends the line"},
    {"%display-line", DisplayLine, 2, 2, "(%display-line v port): display and newline in one"},
    {"write-char", WriteChar, 1, 2, "(write-char c [port]): writes one character"},
    {"write-string", WriteString, 1, 2, "(write-string s [port]): writes the string's bytes"},
    {"read-char", ReadChar, 0, 1, "(read-char [port]): the next character, #f at the end"},
    {"%read-line", ReadLine, 0, 1, "(%read-line [port]): the next line, #f at the end"},
    {"current-input-port", CurrentInput, 0, 0, "(current-input-port): where reading starts"},
    {"current-output-port", CurrentOutput, 0, 0, "(current-output-port): where output goes"},
    {"current-error-port", CurrentError, 0, 0, "(current-error-port): where messages go"},
    {"set-current-input-port!", SetCurrentInput, 1, 1,
     "(set-current-input-port! port): reads from there from now on"},
    {"set-current-output-port!", SetCurrentOutput, 1, 1,
     "(set-current-output-port! port): writes there from now on"},
    {"set-current-error-port!", SetCurrentError, 1, 1,
     "(set-current-error-port! port): writes messages there from now on"},
    {"open-input-string", OpenInputString, 1, 1, "(open-input-string s): a port to read s from"},
    {"open-output-string", OpenOutputString, 0, 0, "(open-output-string): a port that collects"},
    {"get-output-string", GetOutputString, 1, 1,
     "(get-output-string port): what the port collected so far"},
    {"open-input-file", OpenInputFile, 1, 1, "(open-input-file path): a port to read the file"},
    {"open-output-file", OpenOutputFile, 1, 1,
     "(open-output-file path): a port to write the file, emptied first"},
    {"close-port", ClosePort, 1, 1, "(close-port port): ends its use"},
    {"close-input-port", CloseInputPort, 1, 1, "(close-input-port port): ends its use"},
    {"close-output-port", CloseOutputPort, 1, 1,
     "(close-output-port port): writes what is buffered and ends its use"},
    {"port?", IsPortP, 1, 1, "(port? v): whether v is a port"},
    {"input-port?", IsInput, 1, 1, "(input-port? v): whether v can be read from"},
    {"output-port?", IsOutput, 1, 1, "(output-port? v): whether v can be written to"},
};

}  // namespace

std::span<const NativeDef> PortBuiltins() { return kNatives; }

}  // namespace eta
