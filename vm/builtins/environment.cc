// What surrounds the process: its environment, arguments and directory. The environment and the
// current directory belong to the process, so all VMs in it share them.
#include <stdlib.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <string>
#include <vector>

#include "base/mutex.h"
#include "vm/builtins/arguments.h"
#include "vm/builtins/builtins.h"
#include "vm/builtins/file_access.h"

namespace eta {
namespace {

namespace fs = std::filesystem;

// Held while a VM reads or changes the environment, which C does not guard.
Mutex g_environment_mutex;
// Held while a VM changes the directory and sees where that is.
Mutex g_directory_mutex;

// A name that the environment can hold; nothing, with an error pending, for any other value.
std::optional<std::string> VariableName(Vm& vm, std::string_view name, Value v) {
  const bool is_name =
      IsString(v) && !StringView(v).empty() &&
      StringView(v).find_first_of(std::string_view("=\0", 2)) == std::string_view::npos;
  if (is_name) return std::string(StringView(v));
  (void)Wrong(vm, name, IsString(v) ? "no possible variable name" : "name must be a string");
  return std::nullopt;
}

Value GetEnv(Vm& vm, Args args) {
  const auto name = VariableName(vm, "getenv", args[0]);
  if (!name) return Value::Failure();
  MutexLock lock(g_environment_mutex);
  const char* value = getenv(name->c_str());
  return value ? vm.String(value) : Value::False();
}

Value SetEnv(Vm& vm, Args args) {
  const auto name = VariableName(vm, "setenv!", args[0]);
  if (!name) return Value::Failure();
  if (!IsString(args[1])) return Wrong(vm, "setenv!", "value must be a string");
  const std::string value(StringView(args[1]));
  MutexLock lock(g_environment_mutex);
  setenv(name->c_str(), value.c_str(), 1);
  return Value::Nil();
}

Value UnsetEnv(Vm& vm, Args args) {
  const auto name = VariableName(vm, "unsetenv!", args[0]);
  if (!name) return Value::Failure();
  MutexLock lock(g_environment_mutex);
  unsetenv(name->c_str());
  return Value::Nil();
}

std::vector<std::pair<std::string, std::string>> Environment() {
  std::vector<std::pair<std::string, std::string>> variables;
  MutexLock lock(g_environment_mutex);
  for (char** at = environ; at && *at; ++at) {
    const std::string_view entry = *at;
    const size_t equals = entry.find('=');
    if (equals == std::string_view::npos) continue;
    variables.emplace_back(entry.substr(0, equals), entry.substr(equals + 1));
  }
  return variables;
}

Value EnvironmentVariables(Vm& vm, Args) {
  auto variables = Environment();
  std::ranges::sort(variables, std::greater<>());
  Root list(vm.heap());
  for (const auto& [name, value] : variables) {
    Root key(vm.heap(), vm.String(name));
    list = vm.heap().Cons(vm.heap().Cons(key, vm.String(value)), list);
  }
  return list;
}

Value CommandLineArguments(Vm& vm, Args) {
  RootVector arguments(vm.heap());
  for (const std::string& argument : vm.options().program_arguments) {
    arguments.push_back(vm.String(argument));
  }
  return vm.heap().List(arguments.span());
}

OwnDirectory* OwnDirectoryOf(const Vm& vm) {
  return vm.Attachment<OwnDirectory>(OwnDirectory::kKey);
}

Value CurrentDirectory(Vm& vm, Args) {
  if (const OwnDirectory* own = OwnDirectoryOf(vm)) return vm.String(own->path);
  std::error_code error;
  const fs::path path = fs::current_path(error);
  if (!error) return vm.String(path.string());
  return Wrong(vm, "current-directory", error.message());
}

Value ChangeDirectory(Vm& vm, Args args) {
  const auto path = PathArgument(vm, "change-directory!", args[0]);
  if (!path) return Value::Failure();
  OwnDirectory* own = OwnDirectoryOf(vm);
  // Nothing is no directory, also behind another one.
  const fs::path target =
      own == nullptr || path->empty() ? fs::path(*path) : own->path / fs::path(*path);
  MutexLock lock(g_directory_mutex);
  if (chdir(target.c_str()) != 0) {
    return FileError(vm, "change-directory!", "could not change to", *path, errno);
  }
  std::error_code error;
  if (own != nullptr) own->path = fs::current_path(error).string();
  return Value::Nil();
}

constexpr NativeDef kNatives[] = {
    {"getenv", GetEnv, 1, 1, "(getenv name): the variable's value, #f if it is not set"},
    {"setenv!", SetEnv, 2, 2, "(setenv! name value): sets the variable"},
    {"unsetenv!", UnsetEnv, 1, 1, "(unsetenv! name): removes the variable"},
    {"environment-variables", EnvironmentVariables, 0, 0,
     "(environment-variables): a list of pairs (name . value), by name"},
    {"command-line-arguments", CommandLineArguments, 0, 0,
     "(command-line-arguments): the strings behind the program's file"},
    {"current-directory", CurrentDirectory, 0, 0,
     "(current-directory): where relative paths start"},
    {"change-directory!", ChangeDirectory, 1, 1,
     "(change-directory! path): makes relative paths start there, for the whole process; replicas "
     "each take a relative path from where they went themselves"},
};

}  // namespace

std::span<const NativeDef> EnvironmentBuiltins() { return kNatives; }

}  // namespace eta
