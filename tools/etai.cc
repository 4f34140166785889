// etai: runs Eta programs.
#include <csignal>
#include <cstdio>
#include <new>
#include <string>
#include <vector>

#include "tools/command_line.h"
#include "tools/compile.h"
#include "tools/options.h"
#include "tools/program.h"
#include "tools/version.h"

namespace {

int Run(const std::vector<std::string>& arguments) try {
  const auto options = eta::ParseEtaiOptions(arguments);
  if (!options) {
    eta::PrintError(options.error() + "; etai --help lists the options");
    return 1;
  }
  for (const std::string& warning : options->warnings) eta::PrintWarning(warning);
  switch (options->action) {
    case eta::Options::Action::kHelp:
      std::fputs(eta::EtaiHelp().c_str(), stdout);
      return 0;
    case eta::Options::Action::kVersion:
      std::printf("etai %s\n", eta::kVersion);
      return 0;
    case eta::Options::Action::kRun:
      break;
  }
  const bool runs = options->dump.empty() && !options->check;
  return runs ? eta::RunProgram(*options) : eta::ShowStage(*options);
} catch (const std::bad_alloc&) {
  eta::PrintError("out of memory: the system gives no more");
  return 1;
}

}  // namespace

int main(int argc, char** argv) {
  std::signal(SIGXFSZ, SIG_IGN);  // a file that may not grow is an error of whoever writes it
  eta::ReserveStandardStreams();
  eta::EnterCallersDirectory();
  return eta::FinishOutput(Run(std::vector<std::string>(argv + 1, argv + argc)));
}
