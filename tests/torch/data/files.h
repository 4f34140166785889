// Files for the tests of readers, in the directory that the test may write to.
#pragma once

#include <gtest/gtest.h>
#include <zlib.h>

#include <fstream>
#include <string>
#include <string_view>

namespace eta::tensor {

inline std::string TestPath(const std::string& name) { return ::testing::TempDir() + name; }

inline std::string WriteTestFile(const std::string& name, std::string_view contents) {
  const std::string path = TestPath(name);
  std::ofstream(path, std::ios::binary) << contents;
  return path;
}

inline std::string Gzip(std::string_view contents) {
  const std::string path = TestPath("gzip.tmp");
  gzFile file = gzopen(path.c_str(), "wb");
  gzwrite(file, contents.data(), static_cast<unsigned>(contents.size()));
  gzclose(file);
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

}  // namespace eta::tensor
