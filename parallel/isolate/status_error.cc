#include "parallel/isolate/status_error.h"

#include <string>
#include <utility>

#include "parallel/isolate/rank_context.h"

namespace eta::parallel {

std::string_view TagOf(Code code) {
  switch (code) {
    case Code::kDesync:
      return kDesync;
    case Code::kStalled:
      return kStalled;
    case Code::kPeerFailed:
    case Code::kAborted:
      return kPeerFailed;
    case Code::kInvalid:
    case Code::kOk:
      break;
  }
  return kTypeError;
}

Value FailBecauseOf(Vm& vm, int rank, std::string_view tag, std::string message) {
  if (RankContext* context = RankContext::Of(vm)) context->blame = {rank, message};
  return vm.Fail(tag, std::move(message));
}

int CulpritOf(const Vm& vm, const Vm::Pending& pending) {
  const RankContext* context = RankContext::Of(vm);
  const bool is_last = context != nullptr && pending.kind == Vm::Pending::Kind::kRuntime &&
                       pending.message == context->blame.message;
  return is_last ? context->blame.rank : -1;
}

Value FailWith(Vm& vm, std::string_view name, const Status& status) {
  ETA_DCHECK(!status.ok());
  return FailBecauseOf(vm, status.rank, TagOf(status.code),
                       std::string(name) + ": " + status.message);
}

}  // namespace eta::parallel
