#include "parallel/isolate/status_error.h"

#include <string>

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

Value FailWith(Vm& vm, std::string_view name, const Status& status) {
  ETA_DCHECK(!status.ok());
  return vm.Fail(TagOf(status.code), std::string(name) + ": " + status.message);
}

}  // namespace eta::parallel
