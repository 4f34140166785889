// Paths as text; nothing here looks at the file system.
#include <filesystem>

#include "vm/builtins/arguments.h"
#include "vm/builtins/builtins.h"
#include "vm/builtins/file_access.h"

namespace eta {
namespace {

namespace fs = std::filesystem;

Value PathJoin(Vm& vm, Args args) {
  fs::path joined;
  for (Value segment : args) {
    const auto path = PathArgument(vm, "path-join", segment);
    if (!path) return Value::Failure();
    joined /= *path;
  }
  return vm.String(joined.string());
}

Value PathSplit(Vm& vm, Args args) {
  const auto path = PathArgument(vm, "path-split", args[0]);
  if (!path) return Value::Failure();
  RootVector parts(vm.heap());
  for (const fs::path& part : fs::path(*path)) {
    if (!part.empty()) parts.push_back(vm.String(part.string()));
  }
  return vm.heap().List(parts.span());
}

Value PathNormalize(Vm& vm, Args args) {
  const auto path = PathArgument(vm, "path-normalize", args[0]);
  if (!path) return Value::Failure();
  return vm.String(fs::path(*path).lexically_normal().string());
}

constexpr NativeDef kNatives[] = {
    {"path-join", PathJoin, 0, kAnyCount,
     "(path-join segment ...): one path; an absolute segment starts anew"},
    {"path-split", PathSplit, 1, 1, "(path-split path): a list of its segments"},
    {"path-normalize", PathNormalize, 1, 1,
     "(path-normalize path): the path without needless dots and slashes"},
};

}  // namespace

std::span<const NativeDef> PathBuiltins() { return kNatives; }

}  // namespace eta
