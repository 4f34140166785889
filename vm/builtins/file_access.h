// What the builtins that touch files share.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "vm/native.h"

namespace eta {

class InputPort;
class OutputPort;
class Vm;

// Where an isolate has gone, which is where its next relative change of directory starts. Attached
// to each VM of several in the process that run the same program: the current directory is the
// process's, and another of them may have gone on already. Without it that directory counts.
struct OwnDirectory {
  static constexpr const char* kKey = "vm.own-directory";
  std::string path;
};

// The path that the argument `v` of builtin `name` gives; nothing, with a type-error pending, when
// it is not a string or no possible path.
std::optional<std::string> PathArgument(Vm& vm, std::string_view name, Value v);

// Fails with "NAME: reason: PATH: what errno-like `error` means".
Value FileError(Vm& vm, std::string_view name, std::string_view reason, const std::string& path,
                int error);

// The open port in `v`, in that direction; null with a type-error pending when it is none.
InputPort* OpenInputIn(Vm& vm, std::string_view name, Value v);
OutputPort* OpenOutputIn(Vm& vm, std::string_view name, Value v);

// Null with a type-error pending: the file cannot be opened.
std::unique_ptr<InputPort> OpenForReading(Vm& vm, std::string_view name, const std::string& path);
// The same; empties the file. Where the console does not let it be written, what is written is
// lost.
std::unique_ptr<OutputPort> OpenForWriting(Vm& vm, std::string_view name, const std::string& path);

// "NAME: could not write: " and what errno means.
Value WriteError(Vm& vm, std::string_view name);

// (); or with something pending: it could not be written, or the port keeps what is written, and
// the heap has no room for it. REQUIRES: the port and the bytes are rooted, or outside the heap.
Value WriteTo(Vm& vm, std::string_view name, OutputPort& port, std::string_view bytes);

}  // namespace eta
