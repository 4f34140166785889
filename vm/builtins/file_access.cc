#include "vm/builtins/file_access.h"

#include <system_error>

#include "vm/builtins/arguments.h"

namespace eta {

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
  return Wrong(vm, name,
               std::string(reason) + ": " + path + ": " + std::generic_category().message(error));
}

}  // namespace eta
