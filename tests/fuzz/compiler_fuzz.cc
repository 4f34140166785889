// Any program: it compiles to an image that can be read, or its errors are reported. Nothing runs:
// a program may do what it likes to the machine.
#include <cstdint>
#include <string>

#include "base/check.h"
#include "vm/diagnostics.h"
#include "vm/image.h"
#include "vm/vm.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  eta::Vm::Options options;
  options.heap.limit_bytes = size_t{256} << 20;
  eta::Vm vm(std::move(options));
  const std::string text(reinterpret_cast<const char*>(bytes), size);
  const eta::Compilation result = vm.Compile({"fuzz.eta", text}, eta::Product::kImage);
  for (const eta::Diagnostic& error : result.errors) {
    const eta::SourceFile* file = error.has_span ? vm.File(error.span) : nullptr;
    ETA_CHECK(!eta::RenderMessage("error", error.message, error.span, file, {}).empty());
  }
  if (result.errors.empty()) ETA_CHECK(eta::ImageReader(vm, result.product).ReadHead());
  return 0;
}
