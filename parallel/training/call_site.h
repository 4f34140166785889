// CallSite: where the program calls from, as text for messages. A training loop asks at the same
// place in each step, so the text is made only when the place has changed.
//
// Thread safety: the isolate's thread.
#pragma once

#include <string>

#include "vm/vm.h"

namespace eta::parallel {

class CallSite {
 public:
  // Takes the form that is being executed.
  void Update(const Vm& vm);

  const SourceSpan& span() const { return span_; }
  const std::string& text() const { return text_; }

 private:
  SourceSpan span_;
  std::string text_;
  bool known_ = false;
};

}  // namespace eta::parallel
