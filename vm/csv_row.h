// Rows of comma-separated values (RFC 4180), out of text and into it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace eta {

struct CsvFormat {
  char delimiter = ',';
  char quote = '"';
  bool trim = true;             // blanks around cells are not part of them
  std::optional<char> comment;  // lines that begin with it are no rows
};

// The cells of one row: views into the text, or into what the row itself keeps.
class CsvRow {
 public:
  const std::vector<std::string_view>& cells() const { return cells_; }
  void Clear();
  void Add(std::string_view cell) { cells_.push_back(cell); }
  // A cell that does not stand in the text as it is.
  void AddOwn(std::string cell) { cells_.push_back(own_.emplace_back(std::move(cell))); }

 private:
  std::vector<std::string_view> cells_;
  std::deque<std::string> own_;
};

struct CsvStep {
  enum class Kind : uint8_t {
    kRow,
    kMore,   // whether the row ends cannot be said without more text
    kEnd,    // there is no further row
    kError,  // `error` says what is wrong with the row
  };
  Kind kind;
  size_t consumed = 0;  // bytes of the text, with lines before the row that are none
  std::string_view error = {};
};

// Reads the next row. Lines end with LF or CRLF; empty ones are skipped. `is_all`: no text follows.
CsvStep ReadCsvRow(std::string_view text, const CsvFormat& format, bool is_all, CsvRow* row);

// The number that all of `text` is: decimal digits, with an exponent or not, or what floats that
// are not finite print as. Integers beyond 64 bits are floats.
std::variant<std::monostate, int64_t, double> ParseCsvNumber(std::string_view text);

enum class CsvQuotes : uint8_t { kMinimal, kAll, kNonNumeric, kNone };

// Appends a cell, quoted if the policy wants it.
void AppendCsvCell(std::string_view text, bool is_number, const CsvFormat& format, CsvQuotes quotes,
                   std::string* out);

}  // namespace eta
