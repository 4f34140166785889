// How source text is laid out.
//
// A form that its author wrote on one line stays there if it fits; line breaks between the elements
// of a form are kept, and more are made where a line would be longer than 100 columns. Indentation
// and spaces are the formatter's: two columns for bodies, the place of the first argument for
// calls. Comments and single blank lines stay; what a comment behind a form is aligned with, too.
// Formatting twice is formatting once, and what the reader makes of the text never changes.
#pragma once

#include <string>
#include <string_view>

#include "vm/span.h"

namespace eta {

// Error: the first thing that the reader does not understand, or what is nested too deeply.
Result<std::string> FormatSource(std::string_view text);

}  // namespace eta
