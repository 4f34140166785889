// The early stages' results as text, for `--dump` and tests.
#pragma once

#include <string>
#include <vector>

#include "vm/datum.h"
#include "vm/module.h"

namespace eta {

// One datum a line.
std::string DumpData(const std::vector<const Datum*>& data);

// Each part of the file as a module form, with one core form a line.
std::string DumpExpanded(const ExpandedFile& file);

}  // namespace eta
