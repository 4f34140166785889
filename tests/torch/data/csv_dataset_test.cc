#include "torch/data/csv_dataset.h"

#include <gtest/gtest.h>

#include "tests/torch/data/files.h"

namespace eta::tensor {
namespace {

using Cells = std::vector<double>;

Cells Parsed(std::string_view text, bool header = false) {
  const auto table = ParseCsv(text, "t.csv", header);
  EXPECT_TRUE(table) << table.error();
  return table ? table->cells : Cells{};
}

std::string ErrorOf(std::string_view text, bool header = false) {
  const auto table = ParseCsv(text, "t.csv", header);
  return table ? "" : table.error();
}

TEST(CsvDatasetTest, ParsesNumbersInAllTheirForms) {
  EXPECT_EQ(Parsed("1,-2.5\n+3,1e-3\n.5,0\n"), (Cells{1, -2.5, 3, 1e-3, .5, 0}));
  EXPECT_EQ(Parsed("0.1,0.30000000000000004"), (Cells{0.1, 0.30000000000000004}));
}

TEST(CsvDatasetTest, TakesAnyLineEndAndSpaces) {
  EXPECT_EQ(Parsed("1, 2\r\n\r\n 3,4 \n\n"), (Cells{1, 2, 3, 4}));
  EXPECT_EQ(Parsed("\xEF\xBB\xBF"
                   "1,2"),
            (Cells{1, 2}));
}

TEST(CsvDatasetTest, SkipsAHeaderOnlyWhenTold) {
  EXPECT_EQ(Parsed("a,b\n1,2\n", true), (Cells{1, 2}));
  EXPECT_EQ(ErrorOf("a,b\n1,2\n"), "t.csv: row 1, column 1: 'a' is not a number");
}

TEST(CsvDatasetTest, NamesRowAndColumnOfABadCell) {
  EXPECT_EQ(ErrorOf("1,2\n3,x4\n"), "t.csv: row 2, column 2: 'x4' is not a number");
  EXPECT_EQ(ErrorOf("h,i\n\n1,2\n3,4x\n", true), "t.csv: row 4, column 2: '4x' is not a number");
  EXPECT_EQ(ErrorOf("1,2\n,4\n"), "t.csv: row 2, column 1: the cell is empty");
  EXPECT_EQ(ErrorOf("1,2,\n"), "t.csv: row 1, column 3: the cell is empty");
  EXPECT_EQ(ErrorOf("1,+-2\n"), "t.csv: row 1, column 2: '+-2' is not a number");
  EXPECT_EQ(ErrorOf("1,1e999\n"), "t.csv: row 1, column 2: '1e999' is not a number");
}

TEST(CsvDatasetTest, NamesARaggedRow) {
  EXPECT_EQ(ErrorOf("1,2\n3\n"), "t.csv: row 2: 1 cells, but 2 in the first row");
  EXPECT_EQ(ErrorOf("1,2\n3,4\n5,6,7\n"), "t.csv: row 3: 3 cells, but 2 in the first row");
}

TEST(CsvDatasetTest, RefusesAFileWithoutRows) {
  EXPECT_EQ(ErrorOf(""), "t.csv: no rows");
  EXPECT_EQ(ErrorOf("a,b\n", true), "t.csv: no rows");
}

TEST(CsvDatasetTest, TakesTheLastColumnAsLabel) {
  const std::string path = WriteTestFile("last.csv.gz", Gzip("8,16,1\n0,4,7\n"));
  const auto dataset = LoadCsvDataset(path, {.scale = 16});
  ASSERT_TRUE(dataset) << dataset.error();
  EXPECT_EQ(dataset->inputs.sizes(), (std::vector<int64_t>{2, 2}));
  EXPECT_EQ(dataset->inputs.scalar_type(), at::kDouble);
  EXPECT_EQ(dataset->inputs[0][0].item<double>(), 0.5);
  EXPECT_EQ(dataset->inputs[1][1].item<double>(), 0.25);
  EXPECT_EQ(dataset->targets.scalar_type(), at::kLong);
  EXPECT_EQ(dataset->targets[1].item<int64_t>(), 7);
}

TEST(CsvDatasetTest, TakesAnyColumnAsLabel) {
  const auto dataset =
      LoadCsvDataset(WriteTestFile("first.csv", "3,10,20\n4,30,40\n"), {.label = 0});
  ASSERT_TRUE(dataset) << dataset.error();
  EXPECT_EQ(dataset->targets[0].item<int64_t>(), 3);
  EXPECT_EQ(dataset->inputs[1][0].item<double>(), 30);
}

TEST(CsvDatasetTest, RefusesLabelsThatAreNoClasses) {
  const std::string path = WriteTestFile("label.csv", "1,2\n\n3,4.5\n");
  EXPECT_EQ(LoadCsvDataset(path, {}).error(),
            path + ": row 3, column 2: a label must be an integer, got 4.500000");
  EXPECT_EQ(LoadCsvDataset(path, {.label = 2}).error(),
            path + ": no column 2 for the label among 2 (counted from 0)");
  EXPECT_EQ(LoadCsvDataset(path, {.label = -1}).error(),
            path + ": no column -1 for the label among 2 (counted from 0)");
}

}  // namespace
}  // namespace eta::tensor
