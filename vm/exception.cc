#include "vm/exception.h"

#include <utility>

namespace eta {
namespace {

void Trace(void* data, Marker& marker) {
  const auto* pending = static_cast<Vm::Pending*>(data);
  marker.Mark(pending->tag);
  marker.Mark(pending->payload);
}

constexpr ForeignType kExceptionType = {
    .name = "exception",
    .trace = Trace,
    .finalize = [](void* data) { delete static_cast<Vm::Pending*>(data); },
};

}  // namespace

Value NewException(Vm& vm, Vm::Pending pending) {
  const Root tag(vm.heap(), pending.tag), payload(vm.heap(), pending.payload);
  return vm.heap().Foreign(&kExceptionType, new Vm::Pending(std::move(pending)));
}

const Vm::Pending* ExceptionIn(Value v) {
  return static_cast<const Vm::Pending*>(ForeignData(v, &kExceptionType));
}

}  // namespace eta
