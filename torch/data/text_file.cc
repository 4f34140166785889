#include "torch/data/text_file.h"

#include <zlib.h>

#include <cerrno>
#include <cstring>
#include <memory>

namespace eta::tensor {
namespace {

struct CloseFile {
  void operator()(gzFile file) const { gzclose(file); }
};
using File = std::unique_ptr<gzFile_s, CloseFile>;

constexpr unsigned kChunkBytes = 256 * 1024;

Unexpected<std::string> FileError(const std::string& path, const std::string& reason) {
  return Unexpected(path + ": " + reason);
}

// What zlib says of `file`; empty: nothing is wrong. A file that ends too early shows only here.
std::string Damage(gzFile file) {
  int code = Z_OK;
  const char* text = gzerror(file, &code);
  switch (code) {
    case Z_OK:
    case Z_STREAM_END:
      return "";
    case Z_ERRNO:
      return std::strerror(errno);
    case Z_BUF_ERROR:
      return "the gzip data end too early";
    default:
      // zlib puts the path before its reason.
      const char* colon = std::strrchr(text, ':');
      return std::string("damaged gzip data:") + (colon ? colon + 1 : text);
  }
}

}  // namespace

Expected<std::string, std::string> ReadWholeFile(const std::string& path) {
  errno = 0;
  const File file(gzopen(path.c_str(), "rb"));
  if (!file) return FileError(path, errno != 0 ? std::strerror(errno) : "out of memory");
  gzbuffer(file.get(), kChunkBytes);

  std::string contents;
  int count = 0;
  do {
    const size_t end = contents.size();
    contents.resize(end + kChunkBytes);
    count = gzread(file.get(), contents.data() + end, kChunkBytes);
    contents.resize(end + static_cast<size_t>(count > 0 ? count : 0));
  } while (count > 0);

  const std::string damage = Damage(file.get());
  if (!damage.empty()) return FileError(path, damage);
  return contents;
}

}  // namespace eta::tensor
