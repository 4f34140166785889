// What a file asks of the world around it.
#include <filesystem>

#include "vm/loading.h"
#include "vm/reader.h"
#include "vm/vm.h"

namespace eta {

Surroundings Loader::SurroundingsOf(Loading* loading) {
  Surroundings surroundings;
  surroundings.include = [this, loading](const Datum* path) { return Include(path, loading); };
  surroundings.has_module = [this](const std::string& module) {
    const auto source = path_.Find(module);
    return Find(vm_.names().Intern(module)) || (source && *source);
  };
  return surroundings;
}

// A relative path starts at the directory of the file where it stands.
Result<std::vector<const Datum*>> Loader::Include(const Datum* path, Loading* loading) {
  const SourceFile* from = vm_.File(path->span);
  const std::string directory =
      from ? std::filesystem::path(from->path).parent_path().string() : std::string();
  const std::string full = (std::filesystem::path(directory) / path->text).string();
  auto text = ReadFile(full);
  if (!text) return Error(path->span, "include: " + text.error());
  const uint32_t number = vm_.AddFile({full, *text});
  loading->files.push_back(number);
  return Read(*text, number, vm_.names(), loading->arena);
}

}  // namespace eta
