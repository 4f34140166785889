// Runs test programs, each in a VM of its own, and collects what they print.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/expected.h"
#include "parallel/isolate/host.h"
#include "tools/tap.h"

namespace eta {

// The programs that `path` stands for: itself if it is a file, or the *.test.eta and *_smoke.eta
// below it, in order. Error: there is no such path.
Expected<std::vector<std::string>, std::string> FindTests(const std::string& path);

struct TestRun {
  TestFile result;
  std::string errors;   // what it wrote to its standard error
  std::string failure;  // why it died, as it is shown; empty: it did not
};

struct TestSettings {
  std::optional<std::string> module_path;  // as for etai
  parallel::HostOptions host;              // of all tests, on whatever thread
};

// Runs one. A program that dies is one failed case, one that prints no results is one passed case.
// An exit status other than 0 that no failed case accounts for is a failed case of its own.
// Failed cases say which file they are in. Error: the environment makes no sense. Thread safety:
// several files may run at once; they share the process's directory and environment.
Expected<TestRun, std::string> RunTest(const std::string& file, const TestSettings& settings);

// The runs of all files, in their order, `jobs` at a time.
std::vector<Expected<TestRun, std::string>> RunTests(const std::vector<std::string>& files,
                                                     const TestSettings& settings, int jobs);

// Leaves the cases whose name contains `text`, all of a file whose path does, and what kept a file
// from running to its end.
void FilterCases(const std::string& file, const std::string& text, TestRun* run);

}  // namespace eta
