// TemporaryFolder: a folder for a test's own files, which goes with all that is in it.
#pragma once

#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>
#include <system_error>

namespace eta {

class TemporaryFolder {
 public:
  // Throws std::filesystem::filesystem_error when there can be none.
  TemporaryFolder() : path_(Make()) {}
  ~TemporaryFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;

  const std::filesystem::path& path() const { return path_; }
  // The path of a file in it.
  std::string Path(std::string_view name) const { return (path_ / name).string(); }

  // Writes a file, in folders that are made where they are missing; its path.
  std::string Write(std::string_view name, std::string_view bytes) const {
    const std::filesystem::path file = path_ / name;
    std::filesystem::create_directories(file.parent_path());
    std::ofstream(file, std::ios::binary) << bytes;
    return file.string();
  }

 private:
  static std::filesystem::path Make() {
    std::string name = (std::filesystem::temp_directory_path() / "eta-XXXXXX").string();
    if (mkdtemp(name.data()) != nullptr) return name;
    const std::error_code error(errno, std::generic_category());
    throw std::filesystem::filesystem_error("no temporary folder", name, error);
  }

  const std::filesystem::path path_;
};

}  // namespace eta
