// syntax-rules of R7RS: parsing, matching and transcription. Nested ellipses, several elements
// behind an ellipsis, dotted and vector patterns, (... ...), and ellipses of another name.
#pragma once

#include <vector>

#include "vm/datum.h"
#include "vm/environment.h"
#include "vm/special_forms.h"

namespace eta {

// Its data live as long as the arena that they were read into.
struct Macro {
  struct Rule {
    const Datum* pattern;  // without the element for the macro's name
    const Datum* body;
  };
  Name name = nullptr;
  Name ellipsis = nullptr;  // null: every `...`
  Items literals;
  std::vector<Rule> rules;
  const Environment* environment = nullptr;  // where it was defined
};

// Reads `(syntax-rules (literal...) (pattern template)...)`. False: failed.
bool ParseSyntaxRules(Expander& expander, const Datum* form, Macro* out);

// What the use `form` of the macro expands to; null after Expander::Fail.
const Datum* Transcribe(Expander& expander, const Macro& macro, const Datum* form);

}  // namespace eta
