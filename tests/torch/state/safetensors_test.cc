#include "torch/state/safetensors.h"

#include <gtest/gtest.h>

#include <fstream>
#include <iterator>

#include "tests/support/temporary_folder.h"

namespace eta::tensor {
namespace {

class SafetensorsTest : public testing::Test {
 protected:
  std::string Path() const { return folder_.Path(kName); }
  void Write(const std::string& bytes) const { folder_.Write(kName, bytes); }
  std::string Bytes() const {
    std::ifstream file(Path(), std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
  }
  void WriteHeader(const std::string& header, const std::string& data = "") const {
    std::string length(8, '\0');
    length[0] = static_cast<char>(header.size() & 0xFF);
    length[1] = static_cast<char>(header.size() >> 8);
    Write(length + header + data);
  }
  // Why the file is refused, after its name; "" if it is not.
  std::string Reason() const {
    const auto file = Safetensors::Read(Path());
    if (file) return "";
    const std::string quoted = "'" + Path() + "' ";
    EXPECT_EQ(file.error().find(quoted), 0u) << file.error();
    return file.error().substr(quoted.size());
  }
  void WriteTwo() const {
    ASSERT_TRUE(WriteSafetensors(Path(),
                                 {{"b", "U8", {3}, std::string_view("xyz", 3)},
                                  {"a", "F32", {2, 1}, std::string_view("\0\1\2\3\4\5\6\7", 8)},
                                  {"none", "F64", {0, 4}, {}}},
                                 {{"key", "value"}}));
  }

  static constexpr const char* kName = "t.safetensors";
  const TemporaryFolder folder_;
};

TEST_F(SafetensorsTest, WhatIsWrittenIsRead) {
  WriteTwo();
  const auto file = Safetensors::Read(Path());
  ASSERT_TRUE(file) << file.error();
  ASSERT_EQ(file->tensors().size(), 3u);
  const StoredTensor* a = file->Find("a");
  ASSERT_NE(a, nullptr);
  EXPECT_EQ(a->dtype, "F32");
  EXPECT_EQ(a->shape, (std::vector<int64_t>{2, 1}));
  EXPECT_EQ(a->bytes, std::string_view("\0\1\2\3\4\5\6\7", 8));
  EXPECT_EQ(file->Find("b")->bytes, "xyz");
  EXPECT_EQ(file->Find("none")->bytes, "");
  EXPECT_EQ(file->Find("c"), nullptr);
  EXPECT_EQ(file->metadata().at("key"), "value");
  EXPECT_EQ(file->checksum().size(), 8u);
}

TEST_F(SafetensorsTest, TheHeaderIsAsOthersWantIt) {
  WriteTwo();
  const std::string bytes = Bytes();
  const auto length = static_cast<uint8_t>(bytes[0]) + 256u * static_cast<uint8_t>(bytes[1]);
  EXPECT_EQ(length % 8, 0u);
  EXPECT_EQ(bytes[8], '{');
  EXPECT_EQ(bytes.size(), 8 + length + 11);
  EXPECT_NE(bytes.find("\"a\":{\"data_offsets\":[0,8],\"dtype\":\"F32\",\"shape\":[2,1]}"),
            bytes.npos);
  EXPECT_NE(bytes.find("\"format\":\"pt\""), bytes.npos);
}

TEST_F(SafetensorsTest, EveryFlippedBitIsFound) {
  WriteTwo();
  const std::string whole = Bytes();
  for (size_t i = 0; i < whole.size(); ++i) {
    for (int bit = 0; bit < 8; ++bit) {
      std::string flipped = whole;
      flipped[i] = static_cast<char>(flipped[i] ^ (1 << bit));
      Write(flipped);
      ASSERT_NE(Reason(), "") << "bit " << bit << " of byte " << i;
    }
  }
}

TEST_F(SafetensorsTest, EveryTruncationIsFound) {
  WriteTwo();
  const std::string whole = Bytes();
  for (size_t size = 0; size < whole.size(); ++size) {
    Write(whole.substr(0, size));
    ASSERT_NE(Reason(), "") << size;
  }
  Write(whole + "x");
  EXPECT_NE(Reason(), "");
}

TEST_F(SafetensorsTest, FilesOfOthersNeedNoChecksum) {
  WriteHeader(R"({"w":{"dtype":"U8","shape":[2],"data_offsets":[0,2]}})", "hi");
  const auto file = Safetensors::Read(Path());
  ASSERT_TRUE(file) << file.error();
  EXPECT_EQ(file->Find("w")->bytes, "hi");
  EXPECT_EQ(file->checksum(), "");
}

TEST_F(SafetensorsTest, WhatIsWrongIsSaid) {
  struct {
    const char* header;
    const char* reason;
  } const kCases[] = {
      {"[]", "is no safetensors file: its header is not JSON"},
      {"{\"w\":", "is no safetensors file: its header is not JSON"},
      {R"({"w":7})", "is damaged: tensor 'w' is not described"},
      {R"({"w":{"dtype":3,"shape":[2],"data_offsets":[0,2]}})",
       "is damaged: tensor 'w' has no dtype"},
      {R"({"w":{"dtype":"X9","shape":[2],"data_offsets":[0,2]}})",
       "is damaged: tensor 'w' has the unknown dtype X9"},
      {R"({"w":{"dtype":"U8","shape":[-2],"data_offsets":[0,2]}})",
       "is damaged: tensor 'w' has no shape"},
      {R"({"w":{"dtype":"U8","shape":[2],"data_offsets":[0]}})",
       "is damaged: tensor 'w' has no place"},
      {R"({"w":{"dtype":"U8","shape":[3],"data_offsets":[0,3]}})",
       "is damaged: tensor 'w' lies beyond the end"},
      {R"({"w":{"dtype":"U8","shape":[3],"data_offsets":[0,2]}})",
       "is damaged: tensor 'w' is not as long as its shape"},
      {R"({"w":{"dtype":"F64","shape":[4611686018427387904,4],"data_offsets":[0,2]}})",
       "is damaged: tensor 'w' is not as long as its shape"},
      {R"({"w":{"dtype":"U8","shape":[1],"data_offsets":[1,2]}})",
       "is damaged: its tensors overlap or leave gaps"},
      {R"({"w":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}})",
       "is damaged: it has more than its tensors"},
      {R"({"w":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},)"
       R"("v":{"dtype":"U8","shape":[1],"data_offsets":[1,2]}})",
       "is damaged: its tensors overlap or leave gaps"},
      {R"({"w":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},)"
       R"("w":{"dtype":"U8","shape":[2],"data_offsets":[0,2]}})",
       "is damaged: tensor 'w' is there twice"},
      {R"({"__metadata__":[]})", "is damaged: its metadata is no object"},
      {R"({"__metadata__":{"k":1}})", "is damaged: its metadata 'k' is no string"},
      {R"({"__metadata__":{"eta.version":"1"},)"
       R"("w":{"dtype":"U8","shape":[2],"data_offsets":[0,2]}})",
       "is damaged: its checksum does not fit"},
  };
  for (const auto& c : kCases) {
    WriteHeader(c.header, "hi");
    EXPECT_EQ(Reason(), c.reason) << c.header;
  }
  Write("hello");
  EXPECT_EQ(Reason(), "is no safetensors file: it is too short");
  Write("a long text that is no such file at all");
  EXPECT_EQ(Reason(), "is no safetensors file: its header is too long");
}

}  // namespace
}  // namespace eta::tensor
