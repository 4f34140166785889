// One row of comma-separated values under construction.
#pragma once

#include <string>
#include <string_view>
#include <utility>

#include "vm/builtins/csv_options.h"
#include "vm/printer.h"

namespace eta {

// REQUIRES: the options outlive it.
class CsvLine {
 public:
  explicit CsvLine(const CsvOptions& options) : options_(options) {}

  // A cell: () is an empty one, everything else as `display` shows it.
  void Add(Vm& vm, Value cell) {
    if (cell.IsNil() && options_.quotes == CsvQuotes::kNonNumeric) {
      Separate();
    } else {
      Add(cell.IsNil() ? "" : ToText(vm, cell, PrintMode::kDisplay), IsNumber(cell));
    }
  }
  void Add(std::string_view text, bool is_number = false) {
    Separate();
    AppendCsvCell(text, is_number, options_.format, options_.quotes, &text_);
  }
  // The line with its end. A lone empty cell is quoted, since an empty line is no row.
  std::string Finish() {
    if (count_ == 1 && text_.empty() && options_.quotes != CsvQuotes::kNone) {
      text_.assign(2, options_.format.quote);
    }
    return std::move(text_) + '\n';
  }

 private:
  void Separate() {
    if (count_++ > 0) text_ += options_.format.delimiter;
  }

  const CsvOptions& options_;
  std::string text_;
  size_t count_ = 0;
};

}  // namespace eta
