// Running programs through etai and comparing what they do with what they say they do:
//
//   (display (+ 1 2)) (newline)  ; => 3                the lines of its output, in order
//   (car 1)                      ; error: not a pair   part of what it writes to stderr; status 1
//   (exit 3)                     ; exit: 3             its exit status, if it is not 0
//
// ETAI in the environment names the program, default etai where the others are.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace eta {

struct Expectation {
  std::string output;
  std::vector<std::string> errors;
  int status = 0;
};
Expectation ReadExpectation(const std::filesystem::path& script);

struct Outcome {
  std::string output, errors;
  int status;  // negative: a signal ended it
};
// `command` as a shell reads it.
Outcome RunCommand(const std::string& command);
// One of our programs, without input; `arguments` as a shell reads them. ETAI_DIR in the
// environment says where they are, default here.
Outcome RunProgram(const std::string& name, const std::string& arguments);
// etai, likewise. The lines on stderr that say where replicas run
// are left out.
Outcome RunEtai(const std::string& arguments);

// What etai has on stderr, without the lines at its beginning that say where the replicas run.
std::string WithoutPlacement(const std::string& errors);

// The numbers behind the word "loss" in the output of a training.
std::vector<double> LossesIn(const std::string& output);

// Reports differences to GoogleTest. Nothing may be on stderr if no errors are expected.
void Check(const Expectation& expected, const Outcome& outcome);

// The .eta files below `directory`, sorted, but for those in folders named lib, which are for
// others to import.
std::vector<std::filesystem::path> ScriptsBelow(const std::filesystem::path& directory);

// Names a test after the path of the script below its top folder.
std::string ScriptTestName(const std::filesystem::path& script);

// The contents of a file.
std::string ReadWhole(const std::filesystem::path& path);

}  // namespace eta
