#include "torch/data/text_file.h"

#include <gtest/gtest.h>

#include "tests/torch/data/files.h"

namespace eta::tensor {
namespace {

// Longer than any buffer, and hardly compressible.
std::string LongText() {
  std::string text;
  for (uint32_t i = 1, x = 1; i < 400000; ++i) text += static_cast<char>((x = x * 69069 + i) >> 24);
  return text;
}

TEST(TextFileTest, ReadsPlainFilesWhole) {
  const std::string text = LongText();
  const auto read = ReadWholeFile(WriteTestFile("plain", text));
  ASSERT_TRUE(read) << read.error();
  EXPECT_TRUE(*read == text);
  EXPECT_EQ(*ReadWholeFile(WriteTestFile("empty", "")), "");
}

TEST(TextFileTest, UnpacksGzipWhateverTheName) {
  const std::string text = LongText();
  const auto read = ReadWholeFile(WriteTestFile("packed.csv", Gzip(text)));
  ASSERT_TRUE(read) << read.error();
  EXPECT_TRUE(*read == text);
}

TEST(TextFileTest, NamesAMissingFile) {
  EXPECT_EQ(ReadWholeFile("no/such.csv").error(), "no/such.csv: No such file or directory");
}

TEST(TextFileTest, RefusesADirectory) {
  const auto read = ReadWholeFile(::testing::TempDir());
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error(), ::testing::TempDir() + ": Is a directory");
}

TEST(TextFileTest, NoticesDataCutShort) {
  const std::string packed = Gzip(LongText());
  for (size_t length : {size_t{20}, packed.size() / 2, packed.size() - 1}) {
    const std::string path = WriteTestFile("short.gz", packed.substr(0, length));
    const auto read = ReadWholeFile(path);
    ASSERT_FALSE(read) << length;
    EXPECT_EQ(read.error(), path + ": the gzip data end too early");
  }
}

TEST(TextFileTest, NoticesDamage) {
  std::string packed = Gzip(LongText());
  packed[packed.size() - 6] ^= 1;  // in the checksum
  const std::string path = WriteTestFile("damaged.gz", packed);
  const auto read = ReadWholeFile(path);
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error(), path + ": damaged gzip data: incorrect data check");
}

}  // namespace
}  // namespace eta::tensor
