// etai's command line.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "base/expected.h"
#include "parallel/isolate/placement.h"
#include "parallel/isolate/rank_context.h"

namespace eta {

struct Options {
  enum class Action { kRun, kHelp, kVersion };
  Action action = Action::kRun;

  std::string file;                       // not empty when action is kRun; "-": standard input
  std::optional<std::string> expression;  // -e: the program's text; `file` stands for it
  std::vector<std::string> arguments;     // the program's own
  std::optional<std::string> path;        // --path; otherwise ETA_MODULE_PATH counts
  bool strict_shadows = false;

  int replicas = 1;             // 0: one for each GPU of --devices, or 1
  bool replicas_given = false;  // --replicas was given, so that the user sees where they run
  parallel::DeviceChoice devices;
  bool devices_given = false;
  bool pin = false;  // --pin auto
  int threads = 0;   // of each replica; 0: usable cores / replicas
  std::string dtype = "float64";
  std::string backend = "auto";
  bool all_output = false;  // --output all
  bool split = false;
  double stall_timeout_s = 30;
  bool skip_nonfinite = false;  // --on-nonfinite skip
  parallel::OnFailure on_failure = parallel::OnFailure::kStop;
  // --replicas or --on-nonfinite was given, so that also a single replica heeds the latter.
  bool heed_nonfinite = false;

  bool deterministic = false;
  bool capture = true;  // --no-capture turns it off

  std::string trace;   // the file to write, or empty
  bool stats = false;  // show what the time was spent on

  std::string dump;    // a stage instead of a run, or empty
  bool check = false;  // compile only
  bool disassemble = false;

  std::vector<std::string> warnings;  // about what was probably not meant

  std::chrono::nanoseconds stall_timeout() const;
};

// `arguments` are those behind the program's name. Error: one sentence.
Expected<Options, std::string> ParseEtaiOptions(const std::vector<std::string>& arguments);

// What --help prints.
std::string EtaiHelp();

}  // namespace eta
