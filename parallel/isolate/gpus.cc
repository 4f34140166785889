#include "parallel/isolate/gpus.h"

#include <dlfcn.h>

namespace eta::parallel {
namespace {

constexpr int kSuccess = 0;

// The driver's entry points and types, which have not changed since its first version.
using Init = int (*)(unsigned flags);
using GetCount = int (*)(int* count);
using Get = int (*)(int* device, int index);
using GetName = int (*)(char* name, int size, int device);

template <class F>
F Find(void* library, const char* name) {
  return reinterpret_cast<F>(dlsym(library, name));
}

}  // namespace

std::vector<std::string> FindGpus(const char* driver) {
  void* const library = dlopen(driver, RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) return {};
  const auto init = Find<Init>(library, "cuInit");
  const auto get_count = Find<GetCount>(library, "cuDeviceGetCount");
  const auto get = Find<Get>(library, "cuDeviceGet");
  const auto get_name = Find<GetName>(library, "cuDeviceGetName");
  int count = 0;
  const bool found =
      init && get_count && get && get_name && init(0) == kSuccess && get_count(&count) == kSuccess;
  std::vector<std::string> names;
  for (int i = 0; found && i < count; ++i) {
    int device = 0;
    char name[256] = "";
    const bool named =
        get(&device, i) == kSuccess && get_name(name, sizeof(name), device) == kSuccess;
    names.push_back(named ? name : "GPU");
  }
  return names;
}

}  // namespace eta::parallel
