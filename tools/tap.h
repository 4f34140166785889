// Test results as text: reading what a test program printed, writing TAP and JUnit.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace eta {

struct TestCase {
  bool ok = false;
  std::string name;
  std::vector<std::string> details;  // the indented lines below it
  std::string failure;               // of the whole file; JUnit shows it in place of the details
  double seconds = -1;               // that it took; negative: not known
};

struct TestFile {
  std::string name;  // without its directory
  std::vector<TestCase> cases;
  double seconds = -1;  // that it took; negative: not known
};

// The `ok` and `not ok` lines of a program's output, with the indented lines that follow each.
std::vector<TestCase> ParseTap(std::string_view output);

// All cases in one sequence, numbered anew.
std::string RenderTap(const std::vector<TestFile>& files);
std::string RenderJunit(const std::vector<TestFile>& files);

}  // namespace eta
