#include "parallel/core/nccl/library.h"

#include <dlfcn.h>

#include <cstdlib>
#include <filesystem>
#include <map>
#include <memory>

#include "base/mutex.h"

namespace eta::parallel::nccl {
namespace {

namespace fs = std::filesystem;

constexpr const char* kName = "libnccl.so.2";

std::string FileAt(const std::string& path) {
  if (path.empty()) return kName;
  std::error_code error;
  return fs::is_directory(path, error) ? (fs::path(path) / kName).string() : path;
}

// NCCL's version codes are 2.19.3 -> 21903 (since 2.9; before, 2.8.4 -> 2804).
std::string VersionText(int version) {
  const int unit = version < 10000 ? 1000 : 10000;
  return std::to_string(version / unit) + "." + std::to_string(version % unit / 100) + "." +
         std::to_string(version % 100);
}

Status Unusable(const std::string& why) { return Invalid("NCCL cannot be used: " + why); }

template <class Function>
bool Find(void* library, const char* name, Function** function) {
  *function = reinterpret_cast<Function*>(dlsym(library, name));
  return *function != nullptr;
}

}  // namespace

std::string PathFromEnvironment() {
  const char* path = std::getenv(kPathVariable);
  return path == nullptr ? "" : path;
}

Result<const Library*> Library::Get() { return At(PathFromEnvironment()); }

Result<const Library*> Library::At(const std::string& path) {
  static Mutex mutex;
  static auto* const known = new std::map<std::string, Result<const Library*>>;
  MutexLock lock(mutex);
  auto found = known->find(path);
  if (found == known->end()) found = known->emplace(path, Load(path)).first;
  return found->second;
}

Result<const Library*> Library::Load(const std::string& path) {
  const std::string file = FileAt(path);
  void* const handle = dlopen(file.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (handle == nullptr) {
    const std::string hint =
        path.empty() ? std::string("; ") + kPathVariable + " says where it is" : "";
    return Unexpected(Unusable(dlerror() + hint));
  }
  std::unique_ptr<Library> library(new Library);
#define ETA_NCCL_FIND(name, ...)                                       \
  if (!Find(handle, "nccl" #name, &library->name)) {                   \
    return Unexpected(Unusable(file + " has no function nccl" #name)); \
  }
  ETA_NCCL_FUNCTIONS(ETA_NCCL_FIND)
#undef ETA_NCCL_FIND
#define ETA_NCCL_FIND(name, ...) Find(handle, "nccl" #name, &library->name);
  ETA_NCCL_OPTIONAL_FUNCTIONS(ETA_NCCL_FIND)
#undef ETA_NCCL_FIND
  if (const Answer answer = library->GetVersion(&library->version_); answer != Answer::kSuccess) {
    return Unexpected(Unusable(library->Describe(answer)));
  }
  if (library->version_ < kOldestVersion) {
    return Unexpected(Unusable(file + " is version " + library->version() +
                               ", the oldest that serves is " + VersionText(kOldestVersion)));
  }
  return library.release();
}

std::string Library::version() const { return VersionText(version_); }

std::string Library::Lacks() const {
  std::string text;
  const auto add = [&](const void* function, const char* name, const char* consequence) {
    if (function != nullptr) return;
    text +=
        (text.empty() ? "NCCL " + version() + " lacks " : ", ") + name + " (" + consequence + ")";
  };
#define ETA_NCCL_LACKS(name, result, parameters, consequence) \
  add(reinterpret_cast<const void*>(name), "nccl" #name, consequence);
  ETA_NCCL_OPTIONAL_FUNCTIONS(ETA_NCCL_LACKS)
#undef ETA_NCCL_LACKS
  return text;
}

std::string Library::Describe(Answer answer) const {
  std::string text = GetErrorString(answer);
  const char* detail = GetLastError(nullptr);  // NCCL has one text for all communicators
  if (detail != nullptr && *detail != '\0') text += std::string(" (") + detail + ")";
  return text;
}

}  // namespace eta::parallel::nccl
