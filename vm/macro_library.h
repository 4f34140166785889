// The derived forms of the library, which are syntax-rules in stdlib/syntax.eta.
#pragma once

#include "vm/expander.h"

namespace eta {

// One per VM; must outlive the expanders that use it.
class MacroLibrary {
 public:
  // The text is ours: a failure is a bug, and aborts.
  explicit MacroLibrary(SymbolTable& names);

  // The macro of that name, or null. Free names in its templates are builtins.
  const Macro* Find(Name name) const;
  std::vector<Name> Names() const;

 private:
  DatumArena arena_;
  Expander expander_;
};

}  // namespace eta
