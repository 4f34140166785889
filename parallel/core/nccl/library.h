// Library: NCCL, loaded at run time.
#pragma once

#include <string>

#include "parallel/core/nccl/abi.h"
#include "parallel/core/status.h"

namespace eta::parallel::nccl {

// Names a library file, or the folder of libnccl.so.2, that is used instead of the one that the
// system's loader finds. Such a library may also serve ranks on the CPU.
inline constexpr const char* kPathVariable = "ETA_NCCL_PATH";

// The value of kPathVariable, or empty.
std::string PathFromEnvironment();

// Thread safety: constant once loaded. NCCL's own rules apply to what it is called with.
class Library {
 public:
  // Loaded at the first call and kept for good. kInvalid says why it cannot be used: it is not
  // there, it is older than 2.19, or something is missing in it.
  static Result<const Library*> Get();
  // The one at this place; empty: where the system's loader finds it.
  static Result<const Library*> At(const std::string& path);

  Library(const Library&) = delete;
  Library& operator=(const Library&) = delete;

  // "2.28.9".
  std::string version() const;
  // What is not done because the library lacks it, in one line; or empty.
  std::string Lacks() const;
  // "unhandled system error (connection refused)".
  std::string Describe(Answer answer) const;

#define ETA_NCCL_DECLARE(name, result, parameters, ...) result(*name) parameters = nullptr;
  ETA_NCCL_FUNCTIONS(ETA_NCCL_DECLARE)
  ETA_NCCL_OPTIONAL_FUNCTIONS(ETA_NCCL_DECLARE)  // null where it is missing
#undef ETA_NCCL_DECLARE

 private:
  Library() = default;
  static Result<const Library*> Load(const std::string& path);

  int version_ = 0;
};

}  // namespace eta::parallel::nccl
