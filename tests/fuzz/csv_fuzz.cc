// Any bytes as comma-separated values, of which the first says in what format: refused, or rows
// that are the same however the bytes arrive, and that survive being written.
#include <algorithm>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/check.h"
#include "vm/csv_reader.h"

namespace {

using Rows = std::vector<std::vector<std::string>>;

// Gives the text in pieces of this many bytes.
class Pieces : public eta::InputPort {
 public:
  Pieces(std::string text, size_t length) : text_(std::move(text)), length_(length) {}

 private:
  std::string Fill() override {
    std::string piece = text_.substr(at_, length_);
    at_ += piece.size();
    return piece;
  }

  const std::string text_;
  const size_t length_;
  size_t at_ = 0;
};

std::optional<Rows> ReadRows(const std::string& text, size_t piece, const eta::CsvFormat& format) {
  eta::CsvReader reader(std::make_unique<Pieces>(text, piece), "", format);
  Rows rows;
  while (true) {
    const auto row = reader.Next();
    if (!row) {
      ETA_CHECK(!row.error().empty());
      return std::nullopt;
    }
    if (*row == nullptr) return rows;
    rows.emplace_back((*row)->cells().begin(), (*row)->cells().end());
    for (const auto& cell : (*row)->cells()) (void)eta::ParseCsvNumber(cell);
  }
}

std::string Written(const Rows& rows, const eta::CsvFormat& format) {
  std::string text;
  for (const auto& row : rows) {
    for (size_t i = 0; i < row.size(); ++i) {
      if (i > 0) text += format.delimiter;
      eta::AppendCsvCell(row[i], false, format, eta::CsvQuotes::kAll, &text);
    }
    text += '\n';
  }
  return text;
}

eta::CsvFormat FormatOf(uint8_t choice) {
  constexpr char kDelimiters[] = {',', ';', '\t', '|'};
  eta::CsvFormat format;
  format.delimiter = kDelimiters[choice & 3];
  format.quote = (choice & 4) != 0 ? '\'' : '"';
  format.trim = (choice & 8) != 0;
  if ((choice & 16) != 0) format.comment = '#';
  return format;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  if (size == 0) return 0;
  const std::string text(reinterpret_cast<const char*>(bytes) + 1, size - 1);
  eta::CsvFormat format = FormatOf(bytes[0]);
  const auto rows = ReadRows(text, std::max<size_t>(1, text.size()), format);
  ETA_CHECK(ReadRows(text, 1 + bytes[0] % 7, format) == rows);
  if (!rows) return 0;
  format.comment.reset();
  const std::string written = Written(*rows, format);
  ETA_CHECK(ReadRows(written, written.size() + 1, format) == rows);
  return 0;
}
