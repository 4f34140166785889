#include "tests/golden.h"

#include <gtest/gtest.h>
#include <sys/wait.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <regex>
#include <sstream>

namespace eta {
namespace {

namespace fs = std::filesystem;

const char* EnvironmentOr(const char* name, const char* otherwise) {
  const char* value = std::getenv(name);
  return value != nullptr ? value : otherwise;
}

// What follows `mark` in `line`; false when it is not there.
bool After(const std::string& line, const std::string& mark, std::string* rest) {
  const size_t at = line.find(mark);
  if (at == std::string::npos) return false;
  *rest = line.substr(at + mark.size());
  return true;
}

}  // namespace

std::string ReadWhole(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
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

Outcome RunCommand(const std::string& command) {
  const fs::path directory = testing::TempDir();
  const std::string out = (directory / "stdout").string(), err = (directory / "stderr").string();
  const int status = std::system((command + " >" + out + " 2>" + err).c_str());
  return {ReadWhole(out), ReadWhole(err), WIFEXITED(status) ? WEXITSTATUS(status) : -1};
}

Outcome RunProgram(const std::string& name, const std::string& arguments) {
  return RunCommand(std::string(EnvironmentOr("ETAI_DIR", ".")) + "/" + name + " " + arguments +
                    " </dev/null");
}

Outcome RunEtai(const std::string& arguments) {
  const char* etai = std::getenv("ETAI");
  Outcome outcome = etai ? RunCommand(std::string(etai) + " " + arguments + " </dev/null")
                         : RunProgram("etai", arguments);
  outcome.errors = WithoutPlacement(outcome.errors);
  return outcome;
}

std::string WithoutPlacement(const std::string& errors) {
  static const std::regex lines(R"(^(replica \d+  .*\n)+(replicas exchange .*\n)?)");
  return std::regex_replace(errors, lines, "", std::regex_constants::format_first_only);
}

std::vector<double> LossesIn(const std::string& output) {
  std::vector<double> losses;
  std::istringstream words(output);
  for (std::string word; words >> word;) {
    if (word == "loss" && words >> word) losses.push_back(std::stod(word));
  }
  return losses;
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

std::vector<fs::path> ScriptsBelow(const fs::path& directory) {
  std::vector<fs::path> scripts;
  for (const auto& entry : fs::recursive_directory_iterator(directory)) {
    const fs::path& path = entry.path();
    const bool is_library = path.parent_path().filename() == "lib";
    if (path.extension() == ".eta" && !is_library) scripts.push_back(path);
  }
  std::sort(scripts.begin(), scripts.end());
  return scripts;
}

std::string ScriptTestName(const fs::path& script) {
  std::string name = script.parent_path().filename().string() + "_" + script.stem().string();
  std::replace_if(
      name.begin(), name.end(), [](char c) { return !std::isalnum(c); }, '_');
  return name;
}

}  // namespace eta
