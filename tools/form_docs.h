// What the special forms do, in a line each.
#pragma once

#include <optional>
#include <string_view>

namespace eta {

// "(if test then [else]): ..."; nothing when it is no special form.
std::optional<std::string_view> FormDocumentation(std::string_view name);

}  // namespace eta
