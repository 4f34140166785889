// CsvReader: the rows of a file or a text, one after the other. Only the row at hand is in memory,
// with what was read along with it.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/expected.h"
#include "vm/csv_row.h"
#include "vm/port.h"

namespace eta {

// Thread safety: that of its port.
class CsvReader {
 public:
  // `name` is the file's, for messages; empty for a text. Takes a byte order mark off.
  CsvReader(std::unique_ptr<InputPort> source, std::string name, const CsvFormat& format);

  // The next row, valid until the next call; null at the end. Error: "FILE: row 3: reason".
  Expected<const CsvRow*, std::string> Next();

  // The row that was read last: from 1, with those of the header.
  size_t row_number() const { return row_number_; }
  // "FILE: row 3: reason" of that row, or "row 3: reason".
  std::string Complaint(std::string_view reason) const;
  size_t buffered_bytes() const { return text_.capacity(); }

 private:
  bool Refill();

  std::unique_ptr<InputPort> source_;
  const std::string name_;
  const CsvFormat format_;
  std::string text_;
  size_t at_ = 0;
  bool is_all_ = false;
  size_t row_number_ = 0;
  CsvRow row_;
};

}  // namespace eta
