// Files and directories. Every failure is a type-error that names the path.
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <vector>

#include "vm/builtins/arguments.h"
#include "vm/builtins/builtins.h"
#include "vm/builtins/file_access.h"

namespace eta {
namespace {

namespace fs = std::filesystem;

Value FileExists(Vm& vm, Args args) {
  const auto path = PathArgument(vm, "file-exists?", args[0]);
  if (!path) return Value::Failure();
  std::error_code error;
  return Value::Bool(fs::exists(*path, error));
}

Value IsDirectory(Vm& vm, Args args) {
  const auto path = PathArgument(vm, "directory?", args[0]);
  if (!path) return Value::Failure();
  std::error_code error;
  return Value::Bool(fs::is_directory(*path, error));
}

Value DeleteFile(Vm& vm, Args args) {
  const auto path = PathArgument(vm, "delete-file", args[0]);
  if (!path) return Value::Failure();
  if (!vm.console().WritesFile(*path)) return Value::Nil();
  if (unlink(path->c_str()) == 0) return Value::Nil();
  return FileError(vm, "delete-file", "could not delete", *path, errno);
}

Value MakeDirectory(Vm& vm, Args args) {
  const auto path = PathArgument(vm, "make-directory", args[0]);
  if (!path) return Value::Failure();
  if (!vm.console().WritesFile(*path)) return Value::Nil();
  std::error_code error;
  fs::create_directory(*path, error);
  if (!error) return Value::Nil();
  return FileError(vm, "make-directory", "could not make directory", *path, error.value());
}

Value ListDirectory(Vm& vm, Args args) {
  const auto path = PathArgument(vm, "list-directory", args[0]);
  if (!path) return Value::Failure();
  std::error_code error;
  std::vector<std::string> names;
  fs::directory_iterator at(*path, error);
  for (; !error && at != fs::directory_iterator(); at.increment(error)) {
    names.push_back(at->path().filename().string());
  }
  if (error) {
    return FileError(vm, "list-directory", "could not read directory", *path, error.value());
  }
  std::ranges::sort(names, std::greater<>());
  Root list(vm.heap());
  for (const std::string& name : names) list = vm.heap().Cons(vm.String(name), list);
  return list;
}

std::string TemporaryTemplate() {
  std::error_code error;
  const fs::path directory = fs::temp_directory_path(error);
  return ((error ? fs::path("/tmp") : fs::absolute(directory)) / "eta-XXXXXX").string();
}

Value TempFile(Vm& vm, Args) {
  std::string path = TemporaryTemplate();
  const int file = mkstemp(path.data());
  if (file < 0) return FileError(vm, "temp-file", "could not make a file", path, errno);
  close(file);
  return vm.String(path);
}

Value TempDirectory(Vm& vm, Args) {
  std::string path = TemporaryTemplate();
  if (mkdtemp(path.data()) != nullptr) return vm.String(path);
  return FileError(vm, "temp-directory", "could not make a directory", path, errno);
}

Value ModificationTime(Vm& vm, Args args) {
  const auto path = PathArgument(vm, "file-modification-time", args[0]);
  if (!path) return Value::Failure();
  std::error_code error;
  const fs::file_time_type time = fs::last_write_time(*path, error);
  if (error) {
    return FileError(vm, "file-modification-time", "could not read", *path, error.value());
  }
  const auto since_epoch = std::chrono::file_clock::to_sys(time).time_since_epoch();
  return vm.heap().Integer(
      std::chrono::duration_cast<std::chrono::milliseconds>(since_epoch).count());
}

Value FileSize(Vm& vm, Args args) {
  const auto path = PathArgument(vm, "file-size", args[0]);
  if (!path) return Value::Failure();
  std::error_code error;
  const uintmax_t size = fs::file_size(*path, error);
  if (error) return FileError(vm, "file-size", "could not read", *path, error.value());
  return vm.heap().Integer(static_cast<int64_t>(size));
}

constexpr NativeDef kNatives[] = {
    {"file-exists?", FileExists, 1, 1, "(file-exists? path): whether there is such a file"},
    {"directory?", IsDirectory, 1, 1, "(directory? path): whether it is a directory"},
    {"delete-file", DeleteFile, 1, 1, "(delete-file path): removes a file"},
    {"make-directory", MakeDirectory, 1, 1,
     "(make-directory path): makes one directory, unless it is there"},
    {"list-directory", ListDirectory, 1, 1, "(list-directory path): the sorted names in it"},
    {"temp-file", TempFile, 0, 0, "(temp-file): the path of a new empty file"},
    {"temp-directory", TempDirectory, 0, 0, "(temp-directory): the path of a new directory"},
    {"file-modification-time", ModificationTime, 1, 1,
     "(file-modification-time path): when it was last written, in ms since 1970"},
    {"file-size", FileSize, 1, 1, "(file-size path): its length in bytes"},
};

}  // namespace

std::span<const NativeDef> FileBuiltins() { return kNatives; }

}  // namespace eta
