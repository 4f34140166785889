// Runs the scripts below tests/eta and cookbook/basics, each one plainly, with a collection at
// every allocation, after a round trip through the reader, and compiled by etac.
#include "tests/golden.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <utility>
#include <vector>

namespace eta {
namespace {

namespace fs = std::filesystem;

class GoldenTest : public testing::TestWithParam<fs::path> {};

TEST_P(GoldenTest, Plain) { Check(ReadExpectation(GetParam()), RunEtai(GetParam().string())); }

TEST_P(GoldenTest, HeapStress) {
  setenv("ETA_HEAP_STRESS", "1", 1);
  Check(ReadExpectation(GetParam()), RunEtai(GetParam().string()));
  unsetenv("ETA_HEAP_STRESS");
}

// Lines and columns change on the way, so only the messages count.
TEST_P(GoldenTest, ReadBack) {
  Expectation expected = ReadExpectation(GetParam());
  const Outcome dump = RunEtai("--dump=reader " + GetParam().string());
  if (dump.status != 0) {  // the text is meant to be unreadable
    Check({"", expected.errors, expected.status}, dump);
    return;
  }
  for (std::string& error : expected.errors) {
    const size_t place_end = error.find("]: ");
    if (place_end != std::string::npos) error.erase(0, place_end + 3);
  }
  const fs::path copy = fs::path(testing::TempDir()) / GetParam().filename();
  const fs::path library = GetParam().parent_path() / "lib";  // which it may include from
  if (fs::exists(library)) {
    fs::copy(library, copy.parent_path() / "lib",
             fs::copy_options::recursive | fs::copy_options::overwrite_existing);
  }
  std::ofstream(copy, std::ios::binary) << dump.output;
  Check(expected, RunEtai("--path " + GetParam().parent_path().string() + " " + copy.string()));
}

// What does not compile has the same errors.
TEST_P(GoldenTest, Compiled) {
  const Expectation expected = ReadExpectation(GetParam());
  const std::string image = (fs::path(testing::TempDir()) / GetParam().stem()).string() + ".etac";
  const std::string path = " --path " + GetParam().parent_path().string();
  const Outcome compiled = RunProgram("etac", "-o " + image + path + " " + GetParam().string());
  if (compiled.status != 0) {
    Check({"", expected.errors, expected.status}, compiled);
    return;
  }
  Check(expected, RunEtai(path + " " + image));
}

std::vector<fs::path> Scripts() {
  std::vector<fs::path> scripts = ScriptsBelow("tests/eta");
  for (fs::path& program : ScriptsBelow("cookbook/basics")) scripts.push_back(std::move(program));
  return scripts;
}

INSTANTIATE_TEST_SUITE_P(Scripts, GoldenTest, testing::ValuesIn(Scripts()),
                         [](const testing::TestParamInfo<fs::path>& info) {
                           return ScriptTestName(info.param);
                         });

}  // namespace
}  // namespace eta
