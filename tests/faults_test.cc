// Runs the programs below tests/faults on replicas of which one goes wrong. Each says in its first
// line how etai is to run it, and then what comes out; see tests/golden.h. However it ends, it does
// so within seconds, with one diagnostic, and leaves nothing behind.
#include <gtest/gtest.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <sstream>
#include <string>

#include "tests/golden.h"

namespace eta {
namespace {

namespace fs = std::filesystem;
using std::chrono::steady_clock;

constexpr std::chrono::seconds kTimeToEnd(5);

// The options behind "; etai: " in the first line.
std::string OptionsOf(const fs::path& script) {
  const std::string text = ReadWhole(script), mark = "; etai: ";
  EXPECT_TRUE(text.starts_with(mark)) << script;
  return text.substr(mark.size(), text.find('\n') - mark.size());
}

int LinesThatBeginWith(const std::string& word, const std::string& text) {
  int count = 0;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) count += line.starts_with(word);
  return count;
}

class FaultsTest : public testing::TestWithParam<fs::path> {
 protected:
  FaultsTest() : directory_(fs::path(testing::TempDir()) / "faults") {
    fs::create_directories(directory_);
    setenv("TMPDIR", directory_.c_str(), 1);
  }
  ~FaultsTest() override { fs::remove_all(directory_); }

  const fs::path directory_;  // for what etai may want to write
};

TEST_P(FaultsTest, EndsSoonAndSaysWhy) {
  const Expectation expected = ReadExpectation(GetParam());
  const auto begin = steady_clock::now();
  const Outcome outcome = RunEtai(OptionsOf(GetParam()) + " " + GetParam().string());
  EXPECT_LT(steady_clock::now() - begin, kTimeToEnd);
  Check(expected, outcome);
  EXPECT_EQ(LinesThatBeginWith("error", outcome.errors), expected.errors.empty() ? 0 : 1)
      << outcome.errors;
  EXPECT_TRUE(fs::is_empty(directory_));
}

INSTANTIATE_TEST_SUITE_P(Scripts, FaultsTest, testing::ValuesIn(ScriptsBelow("tests/faults")),
                         [](const testing::TestParamInfo<fs::path>& info) {
                           return ScriptTestName(info.param);
                         });

}  // namespace
}  // namespace eta
