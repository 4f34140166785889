#include "vm/macro_library.h"

#include <cstdio>
#include <cstdlib>

#include "stdlib/embedded.h"
#include "vm/reader.h"

namespace eta {
namespace {

constexpr std::string_view kPath = "syntax.eta";

[[noreturn]] void Die(const Diagnostic& error) {
  std::fprintf(stderr, "%.*s:%u: %s\n", int{kPath.size()}, kPath.data(), error.span.line,
               error.message.c_str());
  std::abort();
}

}  // namespace

MacroLibrary::MacroLibrary(SymbolTable& names) : expander_(names, arena_) {
  std::string_view text;
  for (const EmbeddedFile& file : EmbeddedStdlib()) {
    if (file.path == kPath) text = file.text;
  }
  auto data = Read(text, 0, names, arena_);
  if (!data) Die(data.error());
  for (const Datum* form : *data) {
    if (!expander_.ParseSyntaxDefinition(form, expander_.env_)) Die(expander_.error_);
  }
}

const Macro* MacroLibrary::Find(Name name) const {
  const Environment::Entry* entry = expander_.env_->Find(name);
  return entry ? entry->macro : nullptr;
}

std::vector<Name> MacroLibrary::Names() const { return expander_.env_->Names(); }

}  // namespace eta
