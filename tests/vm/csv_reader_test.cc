#include "vm/csv_reader.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <random>
#include <string>
#include <vector>

namespace eta {
namespace {

using Rows = std::vector<std::vector<std::string>>;

// Gives its text in pieces of these sizes, again and again.
class Trickle : public InputPort {
 public:
  Trickle(std::string text, std::vector<size_t> sizes)
      : text_(std::move(text)), sizes_(std::move(sizes)) {}

 private:
  std::string Fill() override {
    const size_t size = std::min(sizes_[turn_++ % sizes_.size()], text_.size() - at_);
    at_ += size;
    return text_.substr(at_ - size, size);
  }

  const std::string text_;
  const std::vector<size_t> sizes_;
  size_t at_ = 0, turn_ = 0;
};

struct Reading {
  Rows rows;
  std::vector<std::string> errors;
  bool operator==(const Reading&) const = default;
};

Reading ReadAll(const std::string& text, const CsvFormat& format, std::vector<size_t> sizes) {
  CsvReader reader(std::make_unique<Trickle>(text, std::move(sizes)), "", format);
  Reading reading;
  while (true) {
    const auto row = reader.Next();
    if (!row) {
      reading.errors.push_back(row.error());
      continue;
    }
    if (*row == nullptr) return reading;
    reading.rows.emplace_back((*row)->cells().begin(), (*row)->cells().end());
  }
}

std::string RandomText(std::mt19937* random, std::string_view bytes, size_t max_length) {
  std::string text;
  for (size_t left = (*random)() % max_length; left > 0; --left) {
    text += bytes[(*random)() % bytes.size()];
  }
  return text;
}

// Wherever the text is cut, the rows and the errors are those of the whole.
TEST(CsvReaderTest, PiecesGiveTheSameRowsAsTheWhole) {
  std::mt19937 random(1);
  size_t rows = 0, errors = 0;
  for (int i = 0; i < 20'000; ++i) {
    const std::string text = RandomText(&random, "aab1,,\"\"\n\n\r #\t\xEF", 40);
    CsvFormat format{.trim = i % 2 == 0};
    if (i % 3 == 0) format.comment = '#';
    const Reading whole = ReadAll(text, format, {100});
    rows += whole.rows.size();
    errors += whole.errors.size();
    ASSERT_EQ(ReadAll(text, format, {1}), whole) << text;
    ASSERT_EQ(ReadAll(text, format, {1 + random() % 5, 1 + random() % 9}), whole) << text;
  }
  EXPECT_GT(rows, 10'000u);
  EXPECT_GT(errors, 1000u);
}

TEST(CsvReaderTest, ReadsWhatIsWritten) {
  std::mt19937 random(2);
  for (int i = 0; i < 5000; ++i) {
    const CsvFormat format{.delimiter = i % 2 ? ',' : '\t', .trim = false};
    const CsvQuotes quotes = i % 3 ? CsvQuotes::kMinimal : CsvQuotes::kAll;
    Rows rows(1 + random() % 4);
    std::string text;
    for (auto& row : rows) {
      for (size_t cells = 2 + random() % 3; cells > 0; --cells) {
        row.push_back(RandomText(&random, "ab,\"\n\r\t 1", 6));
        if (row.size() > 1) text += format.delimiter;
        AppendCsvCell(row.back(), false, format, quotes, &text);
      }
      text += '\n';
    }
    const Reading read = ReadAll(text, format, {7});
    ASSERT_EQ(read.rows, rows) << text;
    ASSERT_TRUE(read.errors.empty()) << text;
  }
}

TEST(CsvReaderTest, TakesOffTheByteOrderMark) {
  EXPECT_EQ(ReadAll("\xEF\xBB\xBF"
                    "a,b",
                    {}, {1})
                .rows,
            (Rows{{"a", "b"}}));
  EXPECT_EQ(ReadAll("\xEF\xBB", {}, {1}).rows, (Rows{{"\xEF\xBB"}}));
}

TEST(CsvReaderTest, GoesOnBehindABadRow) {
  const Reading read = ReadAll("a\n\"b\"c,d\ne\n\"f", {}, {3});
  EXPECT_EQ(read.rows, (Rows{{"a"}, {"e"}}));
  EXPECT_EQ(read.errors, (std::vector<std::string>{"row 2: text after a closing quote",
                                                   "row 4: a quoted cell has no end"}));
}

TEST(CsvReaderTest, ALongRowIsScannedFewTimes) {
  const std::string cell(8 << 20, 'x');
  EXPECT_EQ(ReadAll("\"" + cell + "\",b\n", {}, {1 << 12}).rows, (Rows{{cell, "b"}}));
}

TEST(CsvRowTest, NumbersAreWholeCells) {
  auto kind = [](std::string_view text) { return ParseCsvNumber(text).index(); };
  for (const char* text : {"0", "-1", "+1", "007", "9223372036854775807"}) {
    EXPECT_EQ(kind(text), 1u) << text;
  }
  for (const char* text : {"1.", ".5", "1e3", "-1E-3", "9223372036854775808", "1e999", "inf"}) {
    EXPECT_EQ(kind(text), 2u) << text;
  }
  for (const char* text : {"", "+", "-", "+-1", "1a", "0x10", "1 2", "infinity", "NaN", "e5"}) {
    EXPECT_EQ(kind(text), 0u) << text;
  }
  EXPECT_EQ(std::get<double>(ParseCsvNumber("1e-999")), 0.0);
}

}  // namespace
}  // namespace eta
