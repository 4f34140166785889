#include "vm/module_path.h"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <memory>
#include <system_error>
#include <utility>

#include "stdlib/embedded.h"

namespace eta {
namespace {

namespace fs = std::filesystem;

std::string RelativePath(std::string_view module) {
  std::string path(module);
  std::replace(path.begin(), path.end(), '.', '/');
  return path + ".eta";
}

// The directories with modules of the project around the current directory: src/ and each of
// .eta/modules/ beside the nearest eta.toml.
std::vector<std::string> ProjectDirectories() {
  std::error_code error;
  std::vector<std::string> found;
  fs::path root = fs::current_path(error);
  while (!error && !fs::exists(root / "eta.toml", error)) {
    if (root == root.parent_path()) return found;
    root = root.parent_path();
  }
  if (error) return found;
  found.push_back((root / "src").string());
  for (const auto& entry : fs::directory_iterator(root / ".eta" / "modules", error)) {
    found.push_back(entry.path().string());
  }
  std::sort(found.begin() + 1, found.end());
  return found;
}

// How an embedded file is told from one of the same path.
std::string BuiltIn(const std::string& relative) { return "(built in) " + relative; }

std::optional<ModuleSource> FindEmbedded(const std::string& path) {
  for (const EmbeddedFile& file : EmbeddedStdlib()) {
    if (file.path == path) return ModuleSource{path, std::string(file.text), true};
  }
  return std::nullopt;
}

void AddModulesIn(const fs::path& directory, const std::string& prefix,
                  std::vector<std::string>* out) {
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(directory, error)) {
    if (entry.path().extension() == ".eta") out->push_back(prefix + entry.path().stem().string());
  }
}

}  // namespace

std::vector<std::string> SplitPath(std::string_view list) {
  std::vector<std::string> directories;
  while (!list.empty()) {
    const size_t end = std::min(list.find(':'), list.size());
    if (end > 0) directories.emplace_back(list.substr(0, end));
    list.remove_prefix(std::min(end + 1, list.size()));
  }
  return directories;
}

Expected<std::string, std::string> ReadFile(const std::string& path) {
  std::error_code error;
  if (fs::is_directory(path, error)) return Unexpected("not a file but a directory: " + path);
  const std::unique_ptr<FILE, int (*)(FILE*)> file(std::fopen(path.c_str(), "rb"), std::fclose);
  if (!file) {
    if (errno == ENOENT) return Unexpected("file not found: " + path);
    return Unexpected("cannot open " + path + ": " + std::strerror(errno));
  }
  std::string text;
  char buffer[1 << 16];
  size_t count;
  while ((count = std::fread(buffer, 1, sizeof buffer, file.get())) > 0) text.append(buffer, count);
  if (std::ferror(file.get())) return Unexpected("cannot read " + path);
  return text;
}

ModulePath::ModulePath(std::vector<std::string> directories, bool strict)
    : strict_(strict), first_(ProjectDirectories()) {
  first_.insert(first_.end(), directories.begin(), directories.end());
}

std::vector<std::string> ModulePath::Places(const std::string& relative) const {
  std::vector<std::string> places;
  const auto look_in = [&](const std::string& directory) {
    std::error_code error;
    std::string path = (fs::path(directory) / relative).string();
    if (!fs::exists(path, error)) path += "c";
    const auto is_it = [&](const std::string& other) { return fs::equivalent(path, other, error); };
    if (!fs::exists(path, error) || std::any_of(places.begin(), places.end(), is_it)) return;
    places.push_back(std::move(path));
  };
  const auto is_enough = [&] { return !strict_ && !places.empty(); };
  for (size_t i = 0; i < first_.size() && !is_enough(); ++i) look_in(first_[i]);
  if (!is_enough() && FindEmbedded(relative)) places.push_back(BuiltIn(relative));
  if (!is_enough() && !program_directory_.empty()) look_in(program_directory_);
  return places;
}

Expected<std::optional<ModuleSource>, std::string> ModulePath::Find(std::string_view module) const {
  const std::string relative = RelativePath(module);
  const std::vector<std::string> places = Places(relative);
  if (places.empty()) return std::optional<ModuleSource>();
  if (places.size() > 1) {
    return Unexpected("module " + std::string(module) + " is in more than one place: " + places[0] +
                      " and " + places[1]);
  }
  if (places[0] == BuiltIn(relative)) return FindEmbedded(relative);
  auto text = ReadFile(places[0]);
  if (!text) return Unexpected(std::move(text.error()));
  return std::optional(ModuleSource{places[0], std::move(*text), false});
}

std::vector<std::string> ModulePath::Candidates(std::string_view module) const {
  std::vector<std::string> candidates;
  for (const EmbeddedFile& file : EmbeddedStdlib()) {
    std::string name(file.path.substr(0, file.path.rfind('.')));
    std::replace(name.begin(), name.end(), '/', '.');
    candidates.push_back(std::move(name));
  }
  std::vector<std::string> directories = first_;
  directories.push_back(program_directory_.empty() ? "." : program_directory_);
  const size_t dot = module.rfind('.');
  const std::string prefix(dot == std::string_view::npos ? "" : module.substr(0, dot + 1));
  std::string below = prefix;
  std::replace(below.begin(), below.end(), '.', '/');
  for (const std::string& directory : directories) {
    AddModulesIn(fs::path(directory) / below, prefix, &candidates);
  }
  return candidates;
}

}  // namespace eta
