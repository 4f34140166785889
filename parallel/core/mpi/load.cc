#include "parallel/core/mpi/load.h"

#include <dlfcn.h>

namespace eta::parallel {
namespace {

using Started = Result<std::unique_ptr<Transport>>;
using StartEntry = void (*)(Started* transport);

struct Names {
  const char* library;
  const char* mpi;
  const char* package;
};

Names NamesOf(MpiKind kind) {
  return kind == MpiKind::kOpenMpi
             ? Names{"libeta_openmpi.so", "Open MPI", "openmpi-bin and libopenmpi3"}
             : Names{"libeta_mpich.so", "MPICH", "mpich and libmpich12"};
}

Started Load(const Names& names, const std::string& folder) {
  // Global: Open MPI loads components of its own, which look for its symbols.
  void* const library = dlopen((folder + '/' + names.library).c_str(), RTLD_NOW | RTLD_GLOBAL);
  void* const entry = library == nullptr ? nullptr : dlsym(library, "eta_start_mpi");
  if (entry == nullptr) {
    return Unexpected(Invalid(std::string("this process was started by ") + names.mpi +
                              ", which cannot be loaded (Debian's packages " + names.package +
                              "): " + dlerror() + "; with ETA_MPI=off it runs on its own"));
  }
  Started transport = std::unique_ptr<Transport>();
  reinterpret_cast<StartEntry>(entry)(&transport);
  return transport;
}

}  // namespace

Started ConnectProcesses(const Environment& environment, const std::string& folder) {
  const auto kind = LauncherOf(environment);
  if (!kind) return Unexpected(kind.error());
  if (!*kind) return std::unique_ptr<Transport>();
  Started transport = Load(NamesOf(**kind), folder);
  if (!transport || (*transport)->processes() > 1) return transport;
  const Status closed = (*transport)->Close([] { return false; });
  if (!closed.ok()) return Unexpected(closed);
  return std::unique_ptr<Transport>();
}

}  // namespace eta::parallel
