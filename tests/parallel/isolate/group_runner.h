// Runs small programs on a group of isolates and keeps what they print.
#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <string>

#include "parallel/isolate/host.h"
#include "parallel/isolate/isolate_group.h"

namespace eta::parallel {

struct GroupRun {
  int exit_code = 0;
  std::string output;      // on standard output
  std::string notes;       // on standard error, by the programs and the supervisor
  std::string diagnostic;  // of the group
  std::chrono::duration<double> time{};
};

// `text` is the program script.eta. It may use all builtins that need no tensors, and what
// `options.prepare` defines.
GroupRun RunGroup(GroupOptions options, const std::string& text, const std::string& input = "");

// The same with default options.
inline GroupRun RunGroup(int size, const std::string& text, const std::string& input = "") {
  GroupOptions options;
  options.size = size;
  return RunGroup(std::move(options), text, input);
}

// Runs the program script.eta alone, with std.core and std.parallel imported in its first line:
// what it printed, followed by its error if it failed. It may use `threads` threads.
std::string RunAlone(const std::string& text, int threads = 4, const std::string& input = "");

// Whether `part` occurs in `text`; says what the text was if not.
testing::AssertionResult Contains(const std::string& text, const std::string& part);

}  // namespace eta::parallel
