#include "vm/csv_row.h"

#include <charconv>
#include <cmath>
#include <cstdlib>

namespace eta {
namespace {

class RowScanner {
 public:
  RowScanner(std::string_view text, const CsvFormat& format, bool is_all, CsvRow* row)
      : text_(text), format_(format), is_all_(is_all), row_(*row) {}

  CsvStep Run() {
    while (true) {
      if (at_ == text_.size()) return {is_all_ ? CsvStep::Kind::kEnd : CsvStep::Kind::kMore, at_};
      const size_t line = at_;
      if (!IsRow()) {
        if (SkipLine()) continue;
        return {CsvStep::Kind::kMore, line};
      }
      while (ScanCell()) continue;
      return {result_, result_ == CsvStep::Kind::kMore ? line : at_, error_};
    }
  }

 private:
  bool IsBlank(size_t i) const {
    return (text_[i] == ' ' || text_[i] == '\t') && text_[i] != format_.delimiter;
  }
  bool IsLineEnd(size_t i) const {
    return text_[i] == '\n' ||
           (text_[i] == '\r' && (i + 1 == text_.size() || text_[i + 1] == '\n'));
  }
  void SkipBlanks() {
    while (at_ < text_.size() && IsBlank(at_)) ++at_;
  }

  // Whether the line at hand is neither empty nor a comment.
  bool IsRow() {
    if (IsLineEnd(at_)) return false;
    if (!format_.comment) return true;
    size_t first = at_;
    if (format_.trim) {
      while (first + 1 < text_.size() && IsBlank(first)) ++first;
    }
    return text_[first] != *format_.comment;
  }

  // False: its end is not there yet.
  bool SkipLine() {
    const size_t newline = text_.find('\n', at_);
    if (newline == std::string_view::npos && !is_all_) return false;
    at_ = newline == std::string_view::npos ? text_.size() : newline + 1;
    return true;
  }

  bool Finish(CsvStep::Kind kind) {
    result_ = kind;
    return false;
  }
  bool Refuse(std::string_view error) {
    error_ = error;
    return Finish(CsvStep::Kind::kError);
  }

  // False: that was the row's last one, or there is no going on.
  bool ScanCell() {
    const size_t start = at_;
    if (format_.trim) SkipBlanks();
    if (at_ < text_.size() && text_[at_] == format_.quote) return ScanQuoted();
    at_ = start;
    return ScanPlain();
  }

  bool ScanPlain() {
    const size_t start = at_;
    while (at_ < text_.size() && text_[at_] != format_.delimiter && text_[at_] != '\n') ++at_;
    if (at_ == text_.size() && !is_all_) return Finish(CsvStep::Kind::kMore);
    size_t end = at_;
    const bool ends_row = at_ == text_.size() || text_[at_] == '\n';
    if (ends_row && end > start && text_[end - 1] == '\r') --end;
    row_.Add(Trimmed(start, end));
    return PassSeparator();
  }

  std::string_view Trimmed(size_t start, size_t end) const {
    if (format_.trim) {
      while (start < end && IsBlank(start)) ++start;
      while (end > start && IsBlank(end - 1)) --end;
    }
    return text_.substr(start, end - start);
  }

  // Behind a cell: over the delimiter or the line's end. False: the row ends here.
  bool PassSeparator() {
    if (at_ == text_.size()) return Finish(CsvStep::Kind::kRow);
    if (text_[at_] == '\r') ++at_;
    if (at_ == text_.size()) return Finish(CsvStep::Kind::kRow);
    if (text_[at_++] == '\n') return Finish(CsvStep::Kind::kRow);
    return true;
  }

  bool ScanQuoted() {
    const size_t start = ++at_;
    bool has_doubled = false;
    while (true) {
      at_ = text_.find(format_.quote, at_);
      if (at_ == std::string_view::npos) {
        at_ = text_.size();
        return is_all_ ? Refuse("a quoted cell has no end") : Finish(CsvStep::Kind::kMore);
      }
      if (at_ + 1 == text_.size() && !is_all_) return Finish(CsvStep::Kind::kMore);
      if (at_ + 1 == text_.size() || text_[at_ + 1] != format_.quote) break;
      has_doubled = true;
      at_ += 2;
    }
    const std::string_view inside = text_.substr(start, at_ - start);
    if (has_doubled) {
      row_.AddOwn(WithoutDoubling(inside));
    } else {
      row_.Add(inside);
    }
    ++at_;
    return EndQuoted();
  }

  bool EndQuoted() {
    if (format_.trim) SkipBlanks();
    const bool is_last = at_ >= text_.size() || (text_[at_] == '\r' && at_ + 1 == text_.size());
    if (is_last && !is_all_) return Finish(CsvStep::Kind::kMore);
    if (is_last || text_[at_] == format_.delimiter || IsLineEnd(at_)) return PassSeparator();
    if (!SkipLine()) return Finish(CsvStep::Kind::kMore);
    return Refuse("text after a closing quote");
  }

  std::string WithoutDoubling(std::string_view inside) const {
    std::string cell;
    for (size_t i = 0; i < inside.size(); ++i) {
      cell += inside[i];
      if (inside[i] == format_.quote) ++i;
    }
    return cell;
  }

  const std::string_view text_;
  const CsvFormat& format_;
  const bool is_all_;
  CsvRow& row_;
  size_t at_ = 0;
  CsvStep::Kind result_ = CsvStep::Kind::kRow;
  std::string_view error_;
};

}  // namespace

void CsvRow::Clear() {
  cells_.clear();
  own_.clear();
}

CsvStep ReadCsvRow(std::string_view text, const CsvFormat& format, bool is_all, CsvRow* row) {
  row->Clear();
  return RowScanner(text, format, is_all, row).Run();
}

std::variant<std::monostate, int64_t, double> ParseCsvNumber(std::string_view text) {
  const char* first = text.data();
  const char* const last = first + text.size();
  if (text.size() > 1 && text[0] == '+' && text[1] != '-') ++first;
  int64_t integer;
  if (const auto [end, error] = std::from_chars(first, last, integer);
      error == std::errc() && end == last) {
    return integer;
  }
  double real;
  const auto [end, error] = std::from_chars(first, last, real);
  if (end != last || error == std::errc::invalid_argument) return {};
  if (error == std::errc::result_out_of_range)
    return std::strtod(std::string(text).c_str(), nullptr);
  // from_chars takes these in any case and length; as words they are more often text.
  if (!std::isfinite(real) && text != "inf" && text != "-inf" && text != "nan") return {};
  return real;
}

void AppendCsvCell(std::string_view text, bool is_number, const CsvFormat& format, CsvQuotes quotes,
                   std::string* out) {
  const char special[] = {format.delimiter, format.quote, '\n', '\r'};
  const bool is_special =
      text.find_first_of(std::string_view(special, sizeof(special))) != std::string_view::npos;
  const bool is_quoted = quotes == CsvQuotes::kAll ||
                         (quotes == CsvQuotes::kMinimal && is_special) ||
                         (quotes == CsvQuotes::kNonNumeric && (!is_number || is_special));
  if (!is_quoted) {
    *out += text;
    return;
  }
  *out += format.quote;
  for (char c : text) {
    if (c == format.quote) *out += c;
    *out += c;
  }
  *out += format.quote;
}

}  // namespace eta
