// docs/parallel.md says in tables what happens in each kind of failure, and what we answer to
// complaints about other systems, and which tests show it. The tests are there.
#include <fnmatch.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <regex>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "tests/golden.h"

namespace eta {
namespace {

namespace fs = std::filesystem;

using Row = std::vector<std::string>;  // of cells

Row CellsOf(const std::string& line) {
  Row cells;
  std::istringstream rest(line.substr(1));
  for (std::string cell; std::getline(rest, cell, '|');) cells.push_back(cell);
  return cells;
}

// The rows of the table whose last column has this title.
std::vector<Row> TableWith(const std::string& title) {
  std::vector<Row> rows;
  std::istringstream page(ReadWhole("docs/parallel.md"));
  bool inside = false;
  for (std::string line; std::getline(page, line);) {
    if (!line.starts_with("|")) inside = false;
    if (inside && !line.starts_with("|---")) rows.push_back(CellsOf(line));
    if (line.ends_with("| " + title + " |")) inside = true;
  }
  return rows;
}

// What stands in backquotes.
std::vector<std::string> NamesIn(const std::string& cell) {
  static const std::regex name("`([^`]+)`");
  std::vector<std::string> names;
  for (std::sregex_iterator it(cell.begin(), cell.end(), name), end; it != end; ++it) {
    names.push_back((*it)[1]);
  }
  return names;
}

// "Suite" and "Suite.Case" of every test, and the names of all scripts.
std::set<std::string> AllThereIs() {
  static const std::regex test(R"(TEST(_[FP])?\(\s*(\w+),\s*(\w+))");
  std::set<std::string> all;
  for (const auto& entry : fs::recursive_directory_iterator("tests")) {
    const fs::path& path = entry.path();
    if (path.extension() == ".eta") all.insert(path.filename().string());
    if (path.extension() != ".cc") continue;
    const std::string text = ReadWhole(path);
    for (std::sregex_iterator it(text.begin(), text.end(), test), end; it != end; ++it) {
      all.insert((*it)[2]);
      all.insert((*it)[2].str() + "." + (*it)[3].str());
    }
  }
  return all;
}

void ExpectAllNamesResolve(const std::vector<Row>& rows) {
  const std::set<std::string> all = AllThereIs();
  for (const Row& row : rows) {
    for (const std::string& name : NamesIn(row.back())) {
      const bool found = std::any_of(all.begin(), all.end(), [&](const std::string& existing) {
        return fnmatch(name.c_str(), existing.c_str(), 0) == 0;
      });
      EXPECT_TRUE(found) << name << ", for:" << row[0];
    }
  }
}

TEST(ParallelPageTest, EachFailureIsShownByTestsThatExist) {
  const std::vector<Row> rows = TableWith("shown by");
  EXPECT_GT(rows.size(), 30u);
  ExpectAllNamesResolve(rows);
  for (const Row& row : rows) EXPECT_FALSE(NamesIn(row.back()).empty()) << row[0];
}

TEST(ParallelPageTest, EachComplaintIsAnsweredByTestsThatExistOrIsOpen) {
  const std::vector<Row> rows = TableWith("held by");
  EXPECT_EQ(rows.size(), 26u);
  ExpectAllNamesResolve(rows);
  for (const Row& row : rows) {
    const bool open = row.back() == " open ";
    EXPECT_NE(open, !NamesIn(row.back()).empty()) << row[0];
  }
}

// Each script in which something goes wrong is told of.
TEST(ParallelPageTest, ScriptsOfFaultsAreListed) {
  std::vector<std::string> listed;
  for (const Row& row : TableWith("shown by")) {
    for (std::string& name : NamesIn(row.back())) listed.push_back(std::move(name));
  }
  for (const fs::path& script : ScriptsBelow("tests/faults")) {
    if (ReadExpectation(script).errors.empty()) continue;
    const std::string name = script.filename().string();
    EXPECT_TRUE(std::any_of(listed.begin(), listed.end(), [&](const std::string& pattern) {
      return fnmatch(pattern.c_str(), name.c_str(), 0) == 0;
    })) << name;
  }
}

}  // namespace
}  // namespace eta
