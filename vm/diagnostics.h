// How errors and warnings look. One place for all of them:
//
//   error [train.eta:12:3]: Undefined symbol: prnt (did you mean 'print'?)
//     (prnt x)
//      ^^^^
#pragma once

#include <string>
#include <string_view>

#include "vm/span.h"
#include "vm/vm.h"

namespace eta {

struct DiagnosticStyle {
  bool color = false;
  int rank = -1;  // of the replica that speaks; negative: there is only one
};

// Whether what is written to this file descriptor should be coloured: it is a terminal, and
// NO_COLOR is unset or empty.
bool WantsColor(int descriptor);

// `severity` is "error" or "warning". `file` is where the span is, or null: then no place is shown.
// Ends with a newline; so do the others.
std::string RenderMessage(std::string_view severity, std::string_view message,
                          const SourceSpan& span, const SourceFile* file,
                          const DiagnosticStyle& style);
// The place given as "train.eta:12:3", without the source line; empty: without a place.
std::string RenderMessage(std::string_view severity, std::string_view message,
                          std::string_view where, const DiagnosticStyle& style);
// Without a place.
std::string RenderMessage(std::string_view severity, std::string_view message,
                          const DiagnosticStyle& style);

// What ended the program, in words: "Unhandled raise: TAG", the message of a runtime error, ...
// REQUIRES: something is pending, and not an exit.
std::string PendingMessage(const Vm::Pending& pending);
// Where it happened: the innermost active form of the program's own files.
SourceSpan PendingSpan(const Vm& vm, const Vm::Pending& pending);

// The active forms of an error, innermost first, one a line; runs of repeated ones are folded.
// Empty when there is only one.
std::string RenderTrace(const Vm& vm, const Vm::Pending& pending);

// Why the last Vm::Run... returned false: its diagnostic, or what is pending, with the trace. Empty
// for an exit.
std::string RenderFailure(const Vm& vm, const DiagnosticStyle& style);

}  // namespace eta
