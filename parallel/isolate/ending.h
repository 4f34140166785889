// Ending: how a program ended and where it was, kept beyond the life of its Vm.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "parallel/core/status.h"
#include "vm/diagnostics.h"
#include "vm/vm.h"

namespace eta::parallel {

struct Ending {
  enum class Kind : uint8_t {
    kReturned,
    kExited,
    kFailed,   // by an error of its own
    kStopped,  // because the world of its replicas is over
  };
  Kind kind = Kind::kReturned;
  int exit_code = 0;
  std::string message;             // of kFailed and kStopped
  bool in_all_ranks = false;       // kFailed before it ran: the same in each replica
  int culprit = -1;                // kFailed because of this rank; -1: of itself
  SourceSpan span;                 // where it was, unless it returned
  std::optional<SourceFile> file;  // a copy; null: in no file

  std::string place() const;  // "train.eta:12:3", or empty
};

// After vm.RunFile or RunText, which returned `finished`. `over`: the world of replicas has ended
// early, so that an error which says so is no failure of this program.
Ending EndingOf(const Vm& vm, bool finished, bool over);

// The error that ended a program, with its place in it.
std::string RenderError(const Ending& ending, const std::string& message,
                        const DiagnosticStyle& style);

}  // namespace eta::parallel
