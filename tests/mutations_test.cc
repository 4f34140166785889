// Golden scripts with one slip in each: whatever it is, etai ends with status 0, or with 1 and a
// diagnostic. ETA_MUTATIONS in the environment says how many, ETA_MUTATION_SEED which.
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "tests/golden.h"

namespace eta {
namespace {

namespace fs = std::filesystem;

constexpr int kSeconds = 20;
constexpr int kKilled = 128 + 9;  // what `timeout -s KILL` exits with

int FromEnvironment(const char* name, int otherwise) {
  const char* value = std::getenv(name);
  return value != nullptr ? std::atoi(value) : otherwise;
}

// The topics that have no effect outside of the process, and whose programs do not say themselves
// what status they end with.
std::vector<std::string> Programs() {
  const std::set<std::string> left_out = {"fs",   "os",       "csv",        "data",     "ports",
                                          "time", "programs", "facttables", "parallel", "torch"};
  std::vector<std::string> programs;
  for (const fs::path& script : ScriptsBelow("tests/eta")) {
    if (left_out.contains(script.parent_path().filename().string())) continue;
    std::string text = ReadWhole(script);
    if (text.find("exit") == std::string::npos) programs.push_back(std::move(text));
  }
  return programs;
}

// Brackets one by one, and what is between them and blanks.
std::vector<std::string> Tokens(const std::string& text) {
  std::vector<std::string> tokens(1);
  for (char c : text) {
    const bool apart = std::string("()[]'`,\" \n").find(c) != std::string::npos;
    if (apart && !tokens.back().empty()) tokens.emplace_back();
    tokens.back() += c;
    if (apart) tokens.emplace_back();
  }
  return tokens;
}

class Mutator {
 public:
  Mutator(std::vector<std::string> programs, unsigned seed)
      : programs_(std::move(programs)), random_(seed) {}

  std::string Next() {
    const std::string& program = programs_[Below(programs_.size())];
    return Below(4) == 0 ? WithWrongByte(program) : WithWrongToken(program);
  }

 private:
  size_t Below(size_t bound) { return random_() % bound; }  // the same with every library

  std::string WithWrongByte(std::string text) {
    const size_t at = Below(text.size());
    switch (Below(4)) {
      case 0:
        text.erase(at, 1);
        break;
      case 1:
        text.insert(at, 1, static_cast<char>(Below(256)));
        break;
      case 2:
        text[at] = static_cast<char>(Below(256));
        break;
      default:
        text.resize(at);
    }
    return text;
  }

  std::string WithWrongToken(const std::string& text) {
    static const std::vector<std::string> odd = {
        "()",      "'()",      "#f",     "-1",       "9223372036854775807",
        "1e308",   "+nan.0",   "\"\"",   "'a",       "(",
        ")",       "lambda",   "define", "let",      "car",
        "...",     "#(1 2 3)", "set!",   "'(1 . 2)", "apply",
        "call/cc", "1.5",      "if",     "quote"};
    std::vector<std::string> tokens = Tokens(text);
    const size_t at = Below(tokens.size());
    switch (Below(5)) {
      case 0:
        tokens[at].clear();
        break;
      case 1:
        tokens[at] += " " + tokens[at];
        break;
      case 2:
        std::swap(tokens[at], tokens[Below(tokens.size())]);
        break;
      case 3:
        tokens[at] = " " + tokens[Below(tokens.size())] + " ";
        break;
      default:
        tokens[at] = " " + odd[Below(odd.size())] + " ";
    }
    std::string mutated;
    for (const std::string& token : tokens) mutated += token;
    return mutated;
  }

  const std::vector<std::string> programs_;
  std::mt19937 random_;
};

TEST(MutationsTest, EndWithADiagnosticAtWorst) {
  setenv("ETA_HEAP_SOFT_LIMIT", "200M", 1);
  Mutator mutator(Programs(), static_cast<unsigned>(FromEnvironment("ETA_MUTATION_SEED", 1)));
  const fs::path script = fs::path(testing::TempDir()) / "mutated.eta";
  const std::string prefix = "timeout -s KILL " + std::to_string(kSeconds) + " ./etai ";
  int endless = 0;
  for (int i = FromEnvironment("ETA_MUTATIONS", 200); i > 0; --i) {
    const std::string program = mutator.Next();
    std::ofstream(script, std::ios::binary) << program;
    const Outcome outcome = RunCommand(prefix + script.string() + " </dev/null");
    if (outcome.status == kKilled) {
      // A slip may well make a loop endless. Then Ctrl-C must end it.
      const Outcome stopped =
          RunCommand("timeout -k 5 -s INT 2 ./etai " + script.string() + " </dev/null");
      EXPECT_EQ(stopped.status, 124) << program;
      ++endless;
      continue;
    }
    EXPECT_TRUE(outcome.status == 0 || outcome.status == 1) << outcome.status << program;
    if (outcome.status == 1) {
      EXPECT_NE(outcome.errors, "") << program;
    }
  }
  EXPECT_LE(endless, 2) << "of a mutation that makes a loop endless there are few";
}

}  // namespace
}  // namespace eta
