// Runs test programs, each in a VM of its own, and collects what they print.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/expected.h"
#include "tools/tap.h"

namespace eta {

// The programs that `path` stands for: itself if it is a file, or the *.test.eta and *_smoke.eta
// below it, in order. Error: there is no such path.
Expected<std::vector<std::string>, std::string> FindTests(const std::string& path);

struct TestRun {
  TestFile result;
  std::string failure;  // why it died, as it is shown; empty: it did not
};

// Runs one. A program that dies is one failed case, one that prints no results is one passed case.
// An exit status other than 0 that no failed case accounts for is a failed case of its own.
// `module_path` is as for etai. Error: the environment makes no sense.
Expected<TestRun, std::string> RunTest(const std::string& file,
                                       const std::optional<std::string>& module_path);

}  // namespace eta
