#include "vm/csv_reader.h"

#include <utility>

#include "base/byte_order_mark.h"

namespace eta {

CsvReader::CsvReader(std::unique_ptr<InputPort> source, std::string name, const CsvFormat& format)
    : source_(std::move(source)), name_(std::move(name)), format_(format) {
  while (text_.size() < kByteOrderMark.size() && !is_all_) Refill();
  if (text_.starts_with(kByteOrderMark)) at_ = kByteOrderMark.size();
}

// Twice as much as is still to be scanned at least, so that a long row is scanned few times.
bool CsvReader::Refill() {
  text_.erase(0, std::exchange(at_, 0));
  const size_t wanted = 2 * text_.size();
  do {
    const std::string more = source_->ReadSome();
    is_all_ = more.empty();
    text_ += more;
  } while (!is_all_ && text_.size() < wanted);
  return !is_all_;
}

Expected<const CsvRow*, std::string> CsvReader::Next() {
  while (true) {
    const std::string_view rest = std::string_view(text_).substr(at_);
    const CsvStep step = ReadCsvRow(rest, format_, is_all_, &row_);
    if (step.kind == CsvStep::Kind::kMore) {
      at_ += step.consumed;
      Refill();
      continue;
    }
    at_ += step.consumed;
    if (step.kind == CsvStep::Kind::kEnd) return nullptr;
    ++row_number_;
    if (step.kind == CsvStep::Kind::kError) return Unexpected(Complaint(step.error));
    return &row_;
  }
}

std::string CsvReader::Complaint(std::string_view reason) const {
  const std::string file = name_.empty() ? "" : name_ + ": ";
  return file + "row " + std::to_string(row_number_) + ": " + std::string(reason);
}

}  // namespace eta
