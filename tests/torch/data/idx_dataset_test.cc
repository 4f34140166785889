#include "torch/data/idx_dataset.h"

#include <gtest/gtest.h>

#include "tests/torch/data/files.h"

namespace eta::tensor {
namespace {

std::string Header(std::initializer_list<uint32_t> words) {
  std::string bytes;
  for (uint32_t word : words) {
    for (int shift : {24, 16, 8, 0}) bytes += static_cast<char>(word >> shift);
  }
  return bytes;
}

const std::string& TwoImages() {
  static const std::string bytes =
      Header({0x803, 2, 1, 3}) + std::string("\x00\x33\xFF\x01\x02\x03", 6);
  return bytes;
}
const std::string& TwoLabels() {
  static const std::string bytes = Header({0x801, 2}) + "\x05\x09";
  return bytes;
}

std::string LoadError(const std::string& images, const std::string& labels) {
  const auto dataset = LoadIdxDataset(images, labels, 255);
  return dataset ? "" : dataset.error();
}

TEST(IdxDatasetTest, FlattensImagesAndScalesThem) {
  const auto dataset = LoadIdxDataset(WriteTestFile("images.gz", Gzip(TwoImages())),
                                      WriteTestFile("labels", TwoLabels()), 255);
  ASSERT_TRUE(dataset) << dataset.error();
  EXPECT_EQ(dataset->inputs.sizes(), (std::vector<int64_t>{2, 3}));
  EXPECT_EQ(dataset->inputs.scalar_type(), at::kDouble);
  EXPECT_EQ(dataset->inputs[0][1].item<double>(), 0.2);
  EXPECT_EQ(dataset->inputs[0][2].item<double>(), 1);
  EXPECT_EQ(dataset->targets.scalar_type(), at::kLong);
  EXPECT_EQ(dataset->targets[1].item<int64_t>(), 9);
}

TEST(IdxDatasetTest, NamesTheFileWithAWrongMagicNumber) {
  const std::string images = WriteTestFile("images", TwoImages());
  const std::string labels = WriteTestFile("labels", TwoLabels());
  EXPECT_EQ(LoadError(labels, images),
            labels +
                ": wrong magic number 0x00000801, expected 0x00000803 (an IDX file of bytes, "
                "dimensions: 3)");
  const std::string text = WriteTestFile("text", "1,2,3\n");
  EXPECT_EQ(LoadError(images, text),
            text +
                ": wrong magic number 0x312c322c, expected 0x00000801 (an IDX file of bytes, "
                "dimensions: 1)");
}

TEST(IdxDatasetTest, NoticesWrongLengths) {
  const std::string labels = WriteTestFile("labels", TwoLabels());
  for (size_t length : {size_t{3}, size_t{10}}) {
    const std::string images = WriteTestFile("short", TwoImages().substr(0, length));
    EXPECT_EQ(LoadError(images, labels), images + ": too short for an IDX file");
  }
  const std::string cut = WriteTestFile("cut", TwoImages().substr(0, TwoImages().size() - 1));
  EXPECT_EQ(LoadError(cut, labels), cut + ": cut short: its header promises more elements");
  const std::string longer = WriteTestFile("longer", TwoImages() + "x");
  EXPECT_EQ(LoadError(longer, labels), longer + ": longer than its header says");
}

TEST(IdxDatasetTest, IsNotFooledBySizesThatOverflow) {
  const std::string labels = WriteTestFile("labels", TwoLabels());
  const std::string huge =
      WriteTestFile("huge", Header({0x803, 0x80000000, 0x80000000, 4}));  // 2^64 elements
  EXPECT_EQ(LoadError(huge, labels), huge + ": cut short: its header promises more elements");
}

TEST(IdxDatasetTest, NoticesDifferentCounts) {
  const std::string images = WriteTestFile("images", TwoImages());
  const std::string labels = WriteTestFile("three", Header({0x801, 3}) + "\x01\x02\x03");
  EXPECT_EQ(LoadError(images, labels), labels + ": 3 labels, but 2 images in " + images);
}

}  // namespace
}  // namespace eta::tensor
