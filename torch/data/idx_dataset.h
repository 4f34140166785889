// Datasets in the IDX format of the MNIST files: unsigned bytes with their dimensions.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "torch/data/dataset.h"

namespace eta::tensor {

struct IdxArray {
  std::vector<int64_t> sizes;
  std::string_view bytes;  // the product of `sizes`, inside the contents that were parsed
};

// Parses the contents of an IDX file. The error names `path`: a wrong magic number, another
// element type or number of dimensions, a length that the dimensions do not account for.
Expected<IdxArray, std::string> ParseIdx(std::string_view contents, const std::string& path,
                                         size_t dimensions);

// Reads a pair of files, gzipped or not. Images (count, height, width) become inputs of shape
// (count, height * width) in the default dtype, divided by `scale`; labels (count) become int64
// targets. On the CPU. Errors name the file.
Expected<Dataset, std::string> LoadIdxDataset(const std::string& images_path,
                                              const std::string& labels_path, double scale);

}  // namespace eta::tensor
