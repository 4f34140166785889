#include "torch/data/csv_dataset.h"

#include <ATen/ops/empty.h>

#include <algorithm>
#include <charconv>
#include <cmath>

#include "torch/context.h"
#include "torch/data/text_file.h"

namespace eta::tensor {
namespace {

constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";

// "FILE: row 3, column 2: "; `column` counts from 0.
std::string CellPlace(const std::string& path, int64_t line, int64_t column) {
  return path + ": row " + std::to_string(line) + ", column " + std::to_string(column + 1) + ": ";
}

class CsvParser {
 public:
  CsvParser(std::string_view text, const std::string& path) : text_(text), path_(path) {
    if (text_.starts_with(kByteOrderMark)) text_.remove_prefix(kByteOrderMark.size());
  }

  Expected<CsvTable, std::string> Parse(bool header) {
    if (header) NextLine();
    while (!text_.empty()) {
      const std::string_view line = NextLine();
      if (!line.empty() && !ParseLine(line)) return Unexpected(std::move(error_));
    }
    if (table_.rows == 0) return Unexpected(path_ + ": no rows");
    return std::move(table_);
  }

 private:
  static std::string_view Trim(std::string_view text) {
    const size_t first = text.find_first_not_of(" \t\r");
    if (first == std::string_view::npos) return {};
    return text.substr(first, text.find_last_not_of(" \t\r") - first + 1);
  }

  std::string_view NextLine() {
    const size_t end = std::min(text_.find('\n'), text_.size());
    const std::string_view line = text_.substr(0, end);
    text_.remove_prefix(std::min(end + 1, text_.size()));
    ++line_number_;
    return Trim(line);
  }

  bool ParseLine(std::string_view line) {
    int64_t column = 0;
    for (bool more = true; more; ++column) {
      const size_t comma = line.find(',');
      more = comma != std::string_view::npos;
      if (!ParseCell(Trim(line.substr(0, comma)), column)) return false;
      if (more) line.remove_prefix(comma + 1);
    }
    if (table_.rows++ == 0) table_.columns = column;
    table_.lines.push_back(line_number_);
    return column == table_.columns || FailRow(column);
  }

  bool ParseCell(std::string_view cell, int64_t column) {
    const char* begin = cell.data();
    const char* end = begin + cell.size();
    if (cell.size() > 1 && *begin == '+' && cell[1] != '-') ++begin;
    double number = 0;
    const auto [rest, code] = std::from_chars(begin, end, number);
    if (code != std::errc() || rest != end) return FailCell(cell, column);
    table_.cells.push_back(number);
    return true;
  }

  bool FailCell(std::string_view cell, int64_t column) {
    error_ = CellPlace(path_, line_number_, column) +
             (cell.empty() ? "the cell is empty" : "'" + std::string(cell) + "' is not a number");
    return false;
  }

  bool FailRow(int64_t columns) {
    error_ = path_ + ": row " + std::to_string(line_number_) + ": " + std::to_string(columns) +
             " cells, but " + std::to_string(table_.columns) + " in the first row";
    return false;
  }

  std::string_view text_;
  const std::string& path_;
  int64_t line_number_ = 0;
  CsvTable table_;
  std::string error_;
};

// The column `label` as int64. The error names the cell.
Expected<Tensor, std::string> TakeLabels(const CsvTable& table, int64_t label,
                                         const std::string& path) {
  Tensor labels = at::empty({table.rows}, at::kLong);
  int64_t* out = labels.mutable_data_ptr<int64_t>();
  for (int64_t row = 0; row < table.rows; ++row) {
    const double cell = table.cells[row * table.columns + label];
    constexpr double kLimit = 9007199254740992.0;  // 2^53: integers up to it are exact
    if (std::trunc(cell) != cell || std::abs(cell) > kLimit) {
      return Unexpected(CellPlace(path, table.lines[row], label) +
                        "a label must be an integer, got " + std::to_string(cell));
    }
    out[row] = static_cast<int64_t>(cell);
  }
  return labels;
}

// All columns but `label`, divided by `scale`.
Tensor TakeFeatures(const CsvTable& table, int64_t label, double scale) {
  Tensor features = at::empty({table.rows, table.columns - 1}, at::kDouble);
  double* out = features.mutable_data_ptr<double>();
  for (int64_t row = 0; row < table.rows; ++row) {
    const double* cells = table.cells.data() + row * table.columns;
    for (int64_t column = 0; column < table.columns; ++column) {
      if (column != label) *out++ = cells[column] / scale;
    }
  }
  return features.to(DefaultDtype::Use());
}

}  // namespace

Expected<CsvTable, std::string> ParseCsv(std::string_view text, const std::string& path,
                                         bool header) {
  return CsvParser(text, path).Parse(header);
}

Expected<Dataset, std::string> LoadCsvDataset(const std::string& path, const CsvOptions& options) {
  const auto text = ReadWholeFile(path);
  if (!text) return Unexpected(text.error());
  const auto table = ParseCsv(*text, path, options.header);
  if (!table) return Unexpected(table.error());
  const int64_t label = options.label.value_or(table->columns - 1);
  if (label < 0 || label >= table->columns) {
    return Unexpected(path + ": no column " + std::to_string(label) + " for the label among " +
                      std::to_string(table->columns) + " (counted from 0)");
  }
  const auto labels = TakeLabels(*table, label, path);
  if (!labels) return Unexpected(labels.error());
  return Dataset{TakeFeatures(*table, label, options.scale), *labels};
}

}  // namespace eta::tensor
