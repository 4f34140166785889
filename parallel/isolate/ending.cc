#include "parallel/isolate/ending.h"

#include <algorithm>
#include <string_view>

#include "parallel/isolate/place.h"
#include "parallel/isolate/status_error.h"

namespace eta::parallel {
namespace {

using Kind = Ending::Kind;

bool TellsOfTheWorld(const Vm::Pending& pending) {
  if (pending.kind != Vm::Pending::Kind::kRuntime) return false;
  const std::string_view tags[] = {kPeerFailed, kDesync, kStalled};
  return std::find(std::begin(tags), std::end(tags), SymbolName(pending.tag)) != std::end(tags);
}

Kind KindOf(const Vm::Pending& pending, bool over) {
  switch (pending.kind) {
    case Vm::Pending::Kind::kExit:
      return Kind::kExited;
    case Vm::Pending::Kind::kTerminated:
      return Kind::kStopped;
    default:
      return over && TellsOfTheWorld(pending) ? Kind::kStopped : Kind::kFailed;
  }
}

void SetPlace(const Vm& vm, const SourceSpan& span, Ending* ending) {
  const SourceFile* file = vm.File(span);
  if (file == nullptr) return;
  ending->span = span;
  ending->file = *file;
}

}  // namespace

std::string Ending::place() const { return PlaceText(span, file ? &*file : nullptr); }

Ending EndingOf(const Vm& vm, bool finished, bool over) {
  if (finished) return {};
  Ending ending;
  if (const Diagnostic& diagnostic = vm.diagnostic(); !diagnostic.message.empty()) {
    ending.kind = Kind::kFailed;
    ending.message = diagnostic.message;
    ending.in_all_ranks = true;
    if (diagnostic.has_span) SetPlace(vm, diagnostic.span, &ending);
    return ending;
  }
  const Vm::Pending& pending = vm.pending();
  ending.kind = KindOf(pending, over);
  if (ending.kind == Kind::kExited) {
    ending.exit_code = pending.status;
  } else {
    ending.message = PendingMessage(pending);
    ending.culprit = CulpritOf(vm, pending);
  }
  SetPlace(vm, PendingSpan(vm, pending), &ending);
  return ending;
}

std::string RenderError(const Ending& ending, const std::string& message,
                        const DiagnosticStyle& style) {
  return RenderMessage("error", message, ending.span, ending.file ? &*ending.file : nullptr, style);
}

}  // namespace eta::parallel
