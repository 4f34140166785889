// Formats every program of the tree: formatting twice is formatting once, no line becomes longer
// than 100 columns that could be shorter, and the programs stay what they are.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <string>
#include <vector>

#include "tests/golden.h"
#include "tools/formatter.h"
#include "vm/dump.h"
#include "vm/reader.h"

namespace eta {
namespace {

namespace fs = std::filesystem;

std::string DataOf(const std::string& text) {
  SymbolTable names;
  DatumArena arena;
  auto data = Read(text, 1, names, arena);
  return data ? DumpData(*data) : "";
}

size_t CountComments(const std::string& text) {
  return static_cast<size_t>(std::count(text.begin(), text.end(), ';'));
}

std::vector<fs::path> AllPrograms() {
  std::vector<fs::path> programs;
  for (const char* directory : {"cookbook", "stdlib", "tests/eta", "tests/faults"}) {
    for (const auto& entry : fs::recursive_directory_iterator(directory)) {
      if (entry.path().extension() == ".eta") programs.push_back(entry.path());
    }
  }
  return programs;
}

TEST(EtaFmtTest, KeepsEveryProgram) {
  size_t formatted_count = 0;
  for (const fs::path& path : AllPrograms()) {
    const std::string text = ReadWhole(path);
    const auto once = FormatSource(text);
    if (!once) continue;  // a test of what the reader refuses
    ++formatted_count;
    EXPECT_EQ(*FormatSource(*once), *once) << path;
    EXPECT_EQ(DataOf(*once), DataOf(text)) << path;
    EXPECT_EQ(CountComments(*once), CountComments(text)) << path;
  }
  EXPECT_GT(formatted_count, 200u);
}

// The library is laid out as the formatter would, but for columns that are aligned by hand.
TEST(EtaFmtTest, AgreesWithTheLibrary) {
  const std::string text = ReadWhole("stdlib/std/math.eta");
  EXPECT_EQ(*FormatSource(text), text);
}

}  // namespace
}  // namespace eta
