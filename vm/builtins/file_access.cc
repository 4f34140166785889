#include "vm/builtins/file_access.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <system_error>

#include "vm/builtins/arguments.h"
#include "vm/port.h"

namespace eta {
namespace {

constexpr std::string_view kCouldNotOpen = "could not open file";

// What a string takes more when so many bytes come to it: it doubles.
size_t Growth(const std::string& text, size_t bytes) {
  const bool fits = bytes <= text.capacity() - text.size();
  return fits ? 0 : std::max(text.capacity(), bytes);
}

// Null with a type-error pending.
Port* OpenPortIn(Vm& vm, std::string_view name, Value v, Port::Direction direction) {
  Port* port = PortOf(v);
  const bool is_input = direction == Port::Direction::kInput;
  if (port == nullptr || port->direction() != direction) {
    (void)Wrong(vm, name, is_input ? "not an input port" : "not an output port");
  } else if (!port->is_open()) {
    (void)Wrong(vm, name, "the port is closed");
  } else {
    return port;
  }
  return nullptr;
}

// Dropped ports keep their files open until a collection finds them.
template <class Open>
std::unique_ptr<Port> OpenWithRoom(Vm& vm, const Open& open) {
  std::unique_ptr<Port> port = open();
  if (port != nullptr || errno != EMFILE) return port;
  vm.heap().Collect();
  return open();
}

}  // namespace

std::optional<std::string> PathArgument(Vm& vm, std::string_view name, Value v) {
  if (!IsString(v)) {
    (void)Wrong(vm, name, "path must be a string");
    return std::nullopt;
  }
  std::string path(StringView(v));
  if (path.find('\0') == std::string::npos) return path;
  (void)Wrong(vm, name, "path contains a null character");
  return std::nullopt;
}

Value FileError(Vm& vm, std::string_view name, std::string_view reason, const std::string& path,
                int error) {
  const Value field[] = {vm.Symbol("file"), Value::True()};
  const Root entry(vm.heap(), vm.heap().List(field));
  const Value fields[] = {entry};
  return vm.FailWith(kTypeError,
                     std::string(name) + ": " + std::string(reason) + ": " + path + ": " +
                         std::generic_category().message(error),
                     vm.heap().List(fields));
}

InputPort* OpenInputIn(Vm& vm, std::string_view name, Value v) {
  return static_cast<InputPort*>(OpenPortIn(vm, name, v, Port::Direction::kInput));
}

OutputPort* OpenOutputIn(Vm& vm, std::string_view name, Value v) {
  return static_cast<OutputPort*>(OpenPortIn(vm, name, v, Port::Direction::kOutput));
}

std::unique_ptr<InputPort> OpenForReading(Vm& vm, std::string_view name, const std::string& path) {
  std::error_code ignored;
  // A directory opens like a file, and then cannot be read.
  const bool is_directory = std::filesystem::is_directory(path, ignored);
  std::unique_ptr<Port> port;
  if (!is_directory) port = OpenWithRoom(vm, [&] { return OpenFileInput(path); });
  if (port == nullptr) {
    (void)FileError(vm, name, kCouldNotOpen, path, is_directory ? EISDIR : errno);
  }
  return std::unique_ptr<InputPort>(static_cast<InputPort*>(port.release()));
}

std::unique_ptr<OutputPort> OpenForWriting(Vm& vm, std::string_view name, const std::string& path) {
  std::unique_ptr<Port> port = vm.console().WritesFile(path)
                                   ? OpenWithRoom(vm, [&] { return OpenFileOutput(path); })
                                   : OpenNullOutput();
  if (port == nullptr) (void)FileError(vm, name, kCouldNotOpen, path, errno);
  return std::unique_ptr<OutputPort>(static_cast<OutputPort*>(port.release()));
}

Value WriteError(Vm& vm, std::string_view name) {
  return Wrong(vm, name, std::string("could not write: ") + std::strerror(errno));
}

Value WriteTo(Vm& vm, std::string_view name, OutputPort& port, std::string_view bytes) {
  const std::string* kept = port.contents();
  if (kept != nullptr && !MakeRoom(vm, name, Growth(*kept, bytes.size()))) return Value::Failure();
  return port.Write(bytes) ? Value::Nil() : WriteError(vm, name);
}

}  // namespace eta
