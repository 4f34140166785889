// Where a program stands, as messages and call sites show it: "train.eta:12:3".
#pragma once

#include <string>

#include "vm/vm.h"

namespace eta::parallel {

// Empty if the place is in no file.
std::string PlaceText(const SourceSpan& span, const SourceFile* file);
// Of the form that is being executed.
std::string PlaceText(const Vm& vm);

}  // namespace eta::parallel
