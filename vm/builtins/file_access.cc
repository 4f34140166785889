#include "vm/builtins/file_access.h"

#include <memory>
#include <system_error>

#include "vm/builtins/arguments.h"

namespace eta {
namespace {

// Attached to a VM that has been told that its files are discarded.
constexpr char kToldDiscarded[] = "files.discarded";
struct ToldDiscarded {};

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

bool WritesFiles(Vm& vm, std::string_view path) {
  if (vm.console().WritesFiles()) return true;
  if (vm.Attachment<ToldDiscarded>(kToldDiscarded) == nullptr) {
    vm.console().WriteError("note: only the first replica changes files; '" + std::string(path) +
                            "' and later ones are left alone by this one\n");
    vm.Attach(kToldDiscarded, std::make_shared<ToldDiscarded>());
  }
  return false;
}

Value FileError(Vm& vm, std::string_view name, std::string_view reason, const std::string& path,
                int error) {
  return Wrong(vm, name,
               std::string(reason) + ": " + path + ": " + std::generic_category().message(error));
}

}  // namespace eta
