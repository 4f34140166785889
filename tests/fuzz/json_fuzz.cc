// Any bytes as JSON: refused, or a value whose text reads back to the same text.
#include <cstdint>
#include <string_view>

#include "base/check.h"
#include "vm/json.h"
#include "vm/vm.h"

namespace {

eta::Vm& SharedVm() {
  static eta::Vm* const vm = [] {
    eta::Vm::Options options;
    options.heap.limit_bytes = size_t{512} << 20;
    return new eta::Vm(std::move(options));
  }();
  return *vm;
}

void Check(eta::Vm& vm, std::string_view text, bool exact_integers) {
  const eta::Value read = eta::ReadJson(vm, "fuzz", text, exact_integers);
  if (read.IsFailure()) {
    ETA_CHECK(!vm.TakePending().message.empty());
    return;
  }
  const eta::Root value(vm.heap(), read);
  const auto written = eta::JsonText(value);
  ETA_CHECK(written);
  const eta::Root again(vm.heap(), eta::ReadJson(vm, "fuzz", *written, exact_integers));
  ETA_CHECK(!again.get().IsFailure());
  ETA_CHECK(*eta::JsonText(again) == *written);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(bytes), size);
  Check(SharedVm(), text, false);
  Check(SharedVm(), text, true);
  return 0;
}
