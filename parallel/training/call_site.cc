#include "parallel/training/call_site.h"

#include "parallel/isolate/place.h"

namespace eta::parallel {

void CallSite::Update(const Vm& vm) {
  const SourceSpan span = vm.CurrentSpan();
  if (known_ && span.file == span_.file && span.line == span_.line && span.column == span_.column) {
    return;
  }
  span_ = span;
  text_ = PlaceText(span, vm.File(span));
  known_ = true;
}

}  // namespace eta::parallel
