#include "vm/exception.h"

#include <utility>

#include "vm/transfer.h"

namespace eta {
namespace {

void Trace(void* data, Marker& marker) {
  const auto* pending = static_cast<Vm::Pending*>(data);
  marker.Mark(pending->tag);
  marker.Mark(pending->payload);
}

void* Copy(const void* data, Transfer& transfer) {
  auto* copy = new Vm::Pending(*static_cast<const Vm::Pending*>(data));
  copy->tag = copy->payload = Value::Nil();
  for (TraceFrame& frame : copy->trace) frame.span.file = transfer.File(frame.span.file);
  return copy;
}

void ListValues(const void* data, std::vector<Value>* out) {
  const auto* pending = static_cast<const Vm::Pending*>(data);
  *out = {pending->tag, pending->payload};
}

void Adopt(Vm&, void* data, std::span<const Value> values) {
  auto* pending = static_cast<Vm::Pending*>(data);
  pending->tag = values[0];
  pending->payload = values[1];
}

constexpr ForeignTransfer kExceptionTransfer = {.copy = Copy, .values = ListValues, .adopt = Adopt};
constexpr ForeignType kExceptionType = {
    .name = "exception",
    .trace = Trace,
    .finalize = [](void* data) { delete static_cast<Vm::Pending*>(data); },
    .transfer = &kExceptionTransfer,
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
