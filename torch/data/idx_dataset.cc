#include "torch/data/idx_dataset.h"

#include <ATen/ops/from_blob.h>

#include <cstdio>

#include "torch/context.h"
#include "torch/data/text_file.h"

namespace eta::tensor {
namespace {

// Magic numbers: two zero bytes, the element type, the number of dimensions.
constexpr uint32_t kUnsignedBytes = 0x00000800;

uint32_t BigEndian(std::string_view bytes) {
  uint32_t number = 0;
  for (unsigned char byte : bytes.substr(0, 4)) number = number << 8 | byte;
  return number;
}

std::string Hex(uint32_t number) {
  char text[16];
  std::snprintf(text, sizeof text, "0x%08x", number);
  return text;
}

Tensor AsTensor(const IdxArray& array, at::IntArrayRef sizes) {
  return at::from_blob(const_cast<char*>(array.bytes.data()), sizes, at::kByte);
}

struct IdxFile {
  std::string contents;
  IdxArray array;
};

Expected<Ok, std::string> ReadIdx(const std::string& path, size_t dimensions, IdxFile* file) {
  auto contents = ReadWholeFile(path);
  if (!contents) return Unexpected(contents.error());
  file->contents = *std::move(contents);
  auto array = ParseIdx(file->contents, path, dimensions);
  if (!array) return Unexpected(array.error());
  file->array = *std::move(array);
  return Ok{};
}

}  // namespace

Expected<IdxArray, std::string> ParseIdx(std::string_view contents, const std::string& path,
                                         size_t dimensions) {
  const auto fail = [&](const std::string& reason) { return Unexpected(path + ": " + reason); };
  const uint32_t expected = kUnsignedBytes | static_cast<uint32_t>(dimensions);
  const size_t header_bytes = 4 + 4 * dimensions;
  if (contents.size() < 4) return fail("too short for an IDX file");
  if (BigEndian(contents) != expected) {
    return fail("wrong magic number " + Hex(BigEndian(contents)) + ", expected " + Hex(expected) +
                " (an IDX file of bytes, dimensions: " + std::to_string(dimensions) + ")");
  }
  if (contents.size() < header_bytes) return fail("too short for an IDX file");

  IdxArray array;
  unsigned __int128 count = 1;  // of up to three 32-bit sizes
  for (size_t i = 0; i < dimensions; ++i) {
    array.sizes.push_back(BigEndian(contents.substr(4 + 4 * i)));
    count *= static_cast<uint64_t>(array.sizes.back());
  }
  array.bytes = contents.substr(header_bytes);
  if (count > array.bytes.size()) return fail("cut short: its header promises more elements");
  if (count < array.bytes.size()) return fail("longer than its header says");
  return array;
}

Expected<Dataset, std::string> LoadIdxDataset(const std::string& images_path,
                                              const std::string& labels_path, double scale) {
  IdxFile images, labels;
  if (auto read = ReadIdx(images_path, 3, &images); !read) return Unexpected(read.error());
  if (auto read = ReadIdx(labels_path, 1, &labels); !read) return Unexpected(read.error());
  const std::vector<int64_t>& sizes = images.array.sizes;
  if (sizes[0] != labels.array.sizes[0]) {
    return Unexpected(labels_path + ": " + std::to_string(labels.array.sizes[0]) + " labels, but " +
                      std::to_string(sizes[0]) + " images in " + images_path);
  }
  const Tensor pixels = AsTensor(images.array, {sizes[0], sizes[1] * sizes[2]});
  return Dataset{pixels.to(DefaultDtype::Use()).div_(scale),
                 AsTensor(labels.array, {sizes[0]}).to(at::kLong)};
}

}  // namespace eta::tensor
