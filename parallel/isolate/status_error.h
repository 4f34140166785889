// How the failure of a collective looks to the program: the one place where a Status becomes a
// runtime error.
#pragma once

#include <string_view>

#include "parallel/core/status.h"
#include "vm/vm.h"

namespace eta::parallel {

inline constexpr std::string_view kPeerFailed = "runtime.peer-failed";
inline constexpr std::string_view kDesync = "runtime.desync";
inline constexpr std::string_view kStalled = "runtime.stalled";

// The tag that the program may catch; all of them also match runtime.error.
std::string_view TagOf(Code code);

// Starts an error that was caused by `rank`, wherever it is raised; -1: by nobody alone.
[[nodiscard]] Value FailBecauseOf(Vm& vm, int rank, std::string_view tag, std::string message);

// The rank to blame for an error of this program that nothing caught; -1: the program itself.
int CulpritOf(const Vm& vm, const Vm::Pending& pending);

// Starts the error; `name` is the procedure that failed. REQUIRES: !status.ok().
[[nodiscard]] Value FailWith(Vm& vm, std::string_view name, const Status& status);

}  // namespace eta::parallel
