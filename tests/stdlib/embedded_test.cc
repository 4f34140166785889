#include "stdlib/embedded.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <string_view>

namespace eta {
namespace {

constexpr std::string_view kRoot = "stdlib/";

std::string ReadFile(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

TEST(EmbeddedTest, HoldsEachFileByteForByte) {
  for (const EmbeddedFile& file : EmbeddedStdlib()) {
    EXPECT_EQ(file.text, ReadFile(std::string(kRoot) + std::string(file.path))) << file.path;
  }
}

TEST(EmbeddedTest, HoldsEveryFileOfTheTree) {
  size_t files = 0;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(kRoot)) {
    files += entry.path().extension() == ".eta";
  }
  EXPECT_EQ(EmbeddedStdlib().size(), files);
}

TEST(EmbeddedTest, IsOrderedByPathWithoutRepetition) {
  const auto files = EmbeddedStdlib();
  EXPECT_EQ(std::adjacent_find(files.begin(), files.end(),
                               [](const auto& a, const auto& b) { return a.path >= b.path; }),
            files.end());
}

}  // namespace
}  // namespace eta
