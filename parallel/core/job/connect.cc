#include "parallel/core/job/connect.h"

#include <dlfcn.h>

#include <utility>

#include "parallel/core/job/torchrun.h"
#include "parallel/core/store/store_transport.h"

namespace eta::parallel {
namespace {

using Started = Result<std::unique_ptr<Transport>>;
using StartMpi = void (*)(Started* transport);

constexpr const char* kAlone = "; with ETA_LAUNCHER=off this process runs on its own";

// The extension's function of that name. Error: `what` cannot be had, and why.
Result<void*> FindEntry(const std::string& library, const char* name, const std::string& what) {
  // Global: Open MPI loads components of its own, which look for its symbols.
  void* const loaded = dlopen(library.c_str(), RTLD_NOW | RTLD_GLOBAL);
  void* const entry = loaded == nullptr ? nullptr : dlsym(loaded, name);
  if (entry != nullptr) return entry;
  return Unexpected(Invalid(what + ": " + dlerror() + kAlone));
}

Started ConnectMpi(const std::string& library, const std::string& mpi) {
  const auto entry = FindEntry(library, "eta_start_mpi",
                               "this process was started by " + mpi + "), which cannot be loaded");
  if (!entry) return Unexpected(entry.error());
  Started transport = std::unique_ptr<Transport>();
  reinterpret_cast<StartMpi> (*entry)(&transport);
  if (!transport || (*transport)->processes() > 1) return transport;
  const Status closed = (*transport)->Close([] { return false; });
  if (!closed.ok()) return Unexpected(closed);
  return std::unique_ptr<Transport>();
}

Started ConnectTorchrun(const Environment& environment, const std::string& library,
                        std::chrono::nanoseconds patience) {
  const auto job = ReadTorchrunJob(environment);
  if (!job) return Unexpected(job.error());
  if (job->processes == 1) return std::unique_ptr<Transport>();
  const auto entry = FindEntry(library, kOpenStoreName, "libtorch's store cannot be loaded");
  if (!entry) return Unexpected(entry.error());
  return StoreTransport::Start(*job, reinterpret_cast<OpenStore*>(*entry), patience);
}

}  // namespace

Started ConnectProcesses(const Environment& environment, const std::string& folder,
                         std::chrono::nanoseconds patience) {
  const auto launcher = LauncherOf(environment);
  if (!launcher) return Unexpected(launcher.error());
  switch (*launcher) {
    case Launcher::kNone:
      break;
    case Launcher::kOpenMpi:
      return ConnectMpi(folder + "/libeta_openmpi.so",
                        "Open MPI (Debian's packages openmpi-bin and libopenmpi3");
    case Launcher::kMpich:
      return ConnectMpi(folder + "/libeta_mpich.so",
                        "MPICH (Debian's packages mpich and libmpich12");
    case Launcher::kTorchrun:
      return ConnectTorchrun(environment, folder + "/libeta_tcpstore.so", patience);
  }
  return std::unique_ptr<Transport>();
}

}  // namespace eta::parallel
