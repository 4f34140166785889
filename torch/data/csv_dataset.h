// CSV files of numbers as datasets: one row a line, cells parted by commas, blank lines skipped.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "torch/data/dataset.h"

namespace eta::tensor {

struct CsvTable {
  std::vector<double> cells;   // row by row
  std::vector<int64_t> lines;  // the line in the file of each row, from 1
  int64_t rows = 0;
  int64_t columns = 0;
};

// Parses `text`. Spaces around a cell are allowed, quotes are not: all cells are numbers. The error
// names `path`, the row (the line in the file) and the column, both from 1: a cell that is not a
// number, or a row longer or shorter than the first.
Expected<CsvTable, std::string> ParseCsv(std::string_view text, const std::string& path,
                                         bool header);

struct CsvOptions {
  std::optional<int64_t> label;  // the column of targets, from 0; default: the last
  bool header = false;           // the first line holds names
  double scale = 1;              // features are divided by it
};

// Reads a file, gzipped or not: the label column becomes int64 targets, all others inputs of the
// default dtype, on the CPU. Errors name the file.
Expected<Dataset, std::string> LoadCsvDataset(const std::string& path, const CsvOptions& options);

}  // namespace eta::tensor
