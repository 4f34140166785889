// What there is to say about a name: the text that stands with its definition.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "vm/vm.h"

namespace eta {

// Of a builtin, a special form, a macro of the library, or a procedure of one of its modules; with
// the module that exports it. Nothing: there is none.
std::optional<std::string> Documentation(Vm& vm, std::string_view name);

// What stands with the definition of `name` in the library's file `path`, "std/core.eta" say; of
// another name for a builtin, what that says. Empty: nothing.
std::string CommentOn(Vm& vm, std::string_view path, std::string_view name);

// What kind of value it is, in a word or two: "integer", "procedure of 2 arguments".
std::string KindOf(Value v);

}  // namespace eta
