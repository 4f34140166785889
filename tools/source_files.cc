#include "tools/source_files.h"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <system_error>

namespace eta {

namespace fs = std::filesystem;

Expected<std::vector<std::string>, std::string> SourceFilesBelow(const std::string& path) {
  std::error_code error;
  if (!fs::exists(path, error)) return Unexpected("file not found: " + path);
  if (!fs::is_directory(path, error)) return std::vector<std::string>{path};
  std::vector<std::string> files;
  for (const auto& entry : fs::recursive_directory_iterator(path, error)) {
    if (entry.path().extension() == ".eta") files.push_back(entry.path().string());
  }
  std::sort(files.begin(), files.end());
  return files;
}

bool WriteWhole(const std::string& path, const std::string& bytes) {
  const std::string draft = path + ".new";
  FILE* file = std::fopen(draft.c_str(), "wb");
  bool written = file && std::fwrite(bytes.data(), 1, bytes.size(), file) == bytes.size();
  if (file && std::fclose(file) != 0) written = false;
  written = written && std::rename(draft.c_str(), path.c_str()) == 0;
  const int reason = errno;
  if (!written && file) std::remove(draft.c_str());
  errno = reason;
  return written;
}

}  // namespace eta
