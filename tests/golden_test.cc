// Runs the scripts below tests/eta and cookbook/basics through etai, each one plainly, with a
// collection at every allocation, and after a round trip through the reader. A script says itself
// what it expects:
//
//   (display (+ 1 2)) (newline)  ; => 3
//   (car 1)                      ; error: not a pair
//   (exit 3)                     ; exit: 3
//
// The lines of its standard output in order; a part of what it writes to stderr, with exit status
// 1; its exit status if it is not 0.
//
// Files in a folder named lib are for others to import. ETAI names the program, default ./etai.
#include <gtest/gtest.h>
#include <sys/wait.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

namespace {

namespace fs = std::filesystem;

const char* EnvironmentOr(const char* name, const char* otherwise) {
  const char* value = std::getenv(name);
  return value != nullptr ? value : otherwise;
}

std::string ReadWhole(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

struct Expectation {
  std::string output;
  std::vector<std::string> errors;
  int status = 0;
};

// What follows `mark` in `line`; false when it is not there.
bool After(const std::string& line, const std::string& mark, std::string* rest) {
  const size_t at = line.find(mark);
  if (at == std::string::npos) return false;
  *rest = line.substr(at + mark.size());
  return true;
}

Expectation ReadExpectation(const fs::path& script) {
  Expectation expected;
  std::istringstream lines(ReadWhole(script));
  for (std::string line, rest; std::getline(lines, line);) {
    if (After(line, "; => ", &rest)) expected.output += rest + "\n";
    if (After(line, "; exit: ", &rest)) expected.status = std::stoi(rest);
    if (!After(line, "; error: ", &rest)) continue;
    expected.errors.push_back(rest);
    expected.status = 1;
  }
  return expected;
}

struct Outcome {
  std::string output, errors;
  int status;
};

Outcome RunEtai(const std::string& arguments) {
  const fs::path directory = testing::TempDir();
  const std::string out = (directory / "stdout").string(), err = (directory / "stderr").string();
  const std::string command = std::string(EnvironmentOr("ETAI", "./etai")) + " " + arguments +
                              " >" + out + " 2>" + err + " </dev/null";
  const int status = std::system(command.c_str());
  return {ReadWhole(out), ReadWhole(err), WIFEXITED(status) ? WEXITSTATUS(status) : -1};
}

void Check(const Expectation& expected, const Outcome& outcome) {
  EXPECT_EQ(outcome.output, expected.output);
  EXPECT_EQ(outcome.status, expected.status) << outcome.errors;
  for (const std::string& error : expected.errors) {
    EXPECT_NE(outcome.errors.find(error), std::string::npos)
        << "expected on stderr: " << error << "\nfound: " << outcome.errors;
  }
  if (expected.errors.empty()) {
    EXPECT_EQ(outcome.errors, "");
  }
}

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
  std::ofstream(copy, std::ios::binary) << dump.output;
  Check(expected, RunEtai("--path " + GetParam().parent_path().string() + " " + copy.string()));
}

std::vector<fs::path> Scripts() {
  std::vector<fs::path> scripts;
  for (const char* root : {"tests/eta", "cookbook/basics"}) {
    for (const auto& entry : fs::recursive_directory_iterator(root)) {
      const fs::path& path = entry.path();
      const bool is_library = path.parent_path().filename() == "lib";
      if (path.extension() == ".eta" && !is_library) scripts.push_back(path);
    }
  }
  std::sort(scripts.begin(), scripts.end());
  return scripts;
}

std::string TestName(const testing::TestParamInfo<fs::path>& info) {
  std::string name = fs::path(info.param).replace_extension().string();
  std::replace_if(
      name.begin(), name.end(), [](char c) { return !std::isalnum(c); }, '_');
  return name;
}

INSTANTIATE_TEST_SUITE_P(Scripts, GoldenTest, testing::ValuesIn(Scripts()), TestName);

}  // namespace
