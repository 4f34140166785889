// JSON text from and to ports and strings.
#include "vm/json.h"

#include "vm/builtins/arguments.h"
#include "vm/builtins/builtins.h"
#include "vm/builtins/file_access.h"
#include "vm/port.h"

namespace eta {
namespace {

// Whether integers stay exact: a boolean, or the option 'keep-integers-exact? and a boolean.
// Nothing, with a type-error pending, for anything else.
std::optional<bool> ReadOption(Vm& vm, std::string_view name, Args args) {
  const auto options = SpreadList(args);
  if (options && options->empty()) return false;
  const size_t count = options ? options->size() : 0;
  const bool is_known =
      count == 1 || (count == 2 && OptionName((*options)[0]) == "keep-integers-exact?");
  if (is_known && options->back().IsBool()) return options->back().IsTrue();
  (void)Wrong(vm, name, "the only option is 'keep-integers-exact? with a boolean");
  return std::nullopt;
}

Value Read(Vm& vm, Args args) {
  constexpr std::string_view kName = "%json-read";
  InputPort* port = OpenInputIn(vm, kName, args[0]);
  if (port == nullptr) return Value::Failure();
  const auto exact = ReadOption(vm, kName, args.subspan(1));
  return exact ? ReadJson(vm, kName, port->ReadAll(), *exact) : Value::Failure();
}

Value ReadString(Vm& vm, Args args) {
  constexpr std::string_view kName = "%json-read-string";
  if (!IsString(args[0])) return Wrong(vm, kName, "argument is not a string");
  const auto exact = ReadOption(vm, kName, args.subspan(1));
  return exact ? ReadJson(vm, kName, StringView(args[0]), *exact) : Value::Failure();
}

Value Write(Vm& vm, Args args) {
  constexpr std::string_view kName = "%json-write";
  OutputPort* port = OpenOutputIn(vm, kName, args.size() > 1 ? args[1] : vm.current_output);
  if (port == nullptr) return Value::Failure();
  const auto text = JsonText(args[0]);
  if (!text) return Wrong(vm, kName, text.error());
  return WriteTo(vm, kName, *port, *text);
}

Value WriteString(Vm& vm, Args args) {
  constexpr std::string_view kName = "%json-write-string";
  const auto text = JsonText(args[0]);
  if (!text) return Wrong(vm, kName, text.error());
  if (!MakeRoomForString(vm, kName, text->size())) return Value::Failure();
  return vm.String(*text);
}

constexpr NativeDef kNatives[] = {
    {"%json-read", Read, 1, 3,
     "(%json-read port ['keep-integers-exact? flag]): the value that the rest of the port says"},
    {"%json-read-string", ReadString, 1, 3,
     "(%json-read-string s ['keep-integers-exact? flag]): the value that s says"},
    {"%json-write", Write, 1, 2, "(%json-write v [port]): writes v as JSON"},
    {"%json-write-string", WriteString, 1, 1, "(%json-write-string v): v as JSON"},
};

}  // namespace

std::span<const NativeDef> JsonBuiltins() { return kNatives; }

}  // namespace eta
