#include "torch/state/atomic_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <utility>

namespace eta::tensor {
namespace {

// A file descriptor. Closing is checked where it matters, by Close.
class Descriptor {
 public:
  Descriptor(const std::string& path, int flags, mode_t mode = 0)
      : fd_(open(path.c_str(), flags | O_CLOEXEC, mode)) {}
  ~Descriptor() {
    if (fd_ >= 0) close(fd_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;

  bool ok() const { return fd_ >= 0; }
  int get() const { return fd_; }
  bool Close() { return close(std::exchange(fd_, -1)) == 0; }

 private:
  int fd_;
};

// Distinct for each write: other replicas and processes may be writing to the same path.
std::string PartialPath(const std::string& path) {
  static std::atomic<uint64_t> writes{0};
  const uint64_t number = writes.fetch_add(1, std::memory_order_relaxed);  // only to be distinct
  return path + ".partial-" + std::to_string(getpid()) + "-" + std::to_string(number);
}

bool WriteAll(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t written = write(fd, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return false;
    bytes.remove_prefix(static_cast<size_t>(written));
  }
  return true;
}

bool WriteDurably(const std::string& path, std::span<const std::string_view> pieces) {
  constexpr mode_t kMode = 0666;  // less what the process's mask takes away
  Descriptor file(path, O_WRONLY | O_CREAT | O_EXCL, kMode);
  if (!file.ok()) return false;
  for (std::string_view piece : pieces) {
    if (!WriteAll(file.get(), piece)) return false;
  }
  return fsync(file.get()) == 0 && file.Close();
}

// What `path` names once links are followed. A device, say, is not to be replaced by a file.
Expected<std::string, std::string> TargetOf(const std::string& path) {
  namespace fs = std::filesystem;
  std::error_code error;
  const bool is_link = fs::is_symlink(path, error);
  const fs::path target = is_link ? fs::canonical(path, error) : fs::path(path);
  const fs::file_status status = fs::status(path, error);
  if (fs::exists(status) && !fs::is_regular_file(status)) {
    return Unexpected("cannot write '" + path + "': " +
                      (fs::is_directory(status) ? "it is a folder" : "it is not a regular file"));
  }
  return target.empty() ? path : target.string();
}

// The new name is as durable as the contents. A file system that cannot do that says EINVAL.
bool SyncFolderOf(const std::string& path) {
  const std::string folder = std::filesystem::path(path).parent_path().string();
  const Descriptor opened(folder.empty() ? "." : folder, O_RDONLY | O_DIRECTORY);
  return opened.ok() && (fsync(opened.get()) == 0 || errno == EINVAL);
}

Unexpected<std::string> Failed(const char* what, const std::string& path) {
  const int error = errno;
  return Unexpected(std::string("cannot ") + what + " '" + path + "': " + std::strerror(error));
}

}  // namespace

Expected<Ok, std::string> WriteAtomically(const std::string& path,
                                          std::span<const std::string_view> pieces) {
  const auto target = TargetOf(path);
  if (!target) return Unexpected(target.error());
  const std::string partial = PartialPath(*target);
  if (!WriteDurably(partial, pieces) || rename(partial.c_str(), target->c_str()) != 0) {
    auto failure = Failed("write", path);
    unlink(partial.c_str());
    return failure;
  }
  if (!SyncFolderOf(*target)) return Failed("write", path);
  return Ok{};
}

Expected<std::string, std::string> ReadWhole(const std::string& path) {
  const Descriptor file(path, O_RDONLY);
  struct stat info;
  if (!file.ok() || fstat(file.get(), &info) != 0) return Failed("read", path);
  if (S_ISDIR(info.st_mode)) {
    errno = EISDIR;
    return Failed("read", path);
  }
  constexpr size_t kChunk = 1 << 20;
  std::string bytes;
  // Its size is a guess only: a pipe has none.
  bytes.reserve(static_cast<size_t>(info.st_size) + 1);
  for (;;) {
    const size_t before = bytes.size();
    bytes.resize(std::max(before + kChunk, bytes.capacity()));
    const ssize_t read = ::read(file.get(), bytes.data() + before, bytes.size() - before);
    const int error = errno;
    bytes.resize(before + static_cast<size_t>(std::max<ssize_t>(read, 0)));
    errno = error;
    if (read == 0) return bytes;
    if (read < 0 && errno != EINTR) return Failed("read", path);
  }
}

}  // namespace eta::tensor
