// What the programs' command lines have in common: options are spelled out in full, come before the
// words, and a mistake is one sentence.
#pragma once

#include <string>
#include <vector>

#include "base/expected.h"

namespace CLI {
class App;
}

namespace eta {

// A command line's arguments, without the program's name.
using Arguments = std::vector<std::string>;

// Prepares `app` for ParseOptions: no options of its own, and a plain help text.
void SetUpCommandLine(CLI::App& app);

// Where options may stand.
enum class OptionOrder {
  kFirst,  // before the first word; what follows that is left alone
  kMixed,  // anywhere before "--"
};

// Reads the options among `arguments` into what `app` binds them to, and yields the others. "--"
// ends the options and is dropped. Error: an unknown option, with the nearest known one; a bad or
// missing value.
Expected<Arguments, std::string> ParseOptions(CLI::App& app, const Arguments& arguments,
                                              OptionOrder order);

// Whether `argument` is one of the options that `app` knows, with or without "=value".
bool IsOptionOf(const CLI::App& app, const std::string& argument);

// To be called first: makes sure that no file that is opened later gets the number of a standard
// stream that the process was started without. Writing to that one fails as before.
void ReserveStandardStreams();

// Under `bazel run`, goes to the directory of the person who called it, so that relative paths mean
// what they say.
void EnterCallersDirectory();

}  // namespace eta
