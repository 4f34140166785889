// Writes the C++ source behind extension_names.h: the names of all builtins that are linked in
// here, as they are in the tensor extension.
#include <cstdio>
#include <string>
#include <string_view>

#include "torch/extension.h"

int main() {
  std::printf(
      "#include \"tools/extension_names.h\"\n\n#include <string_view>\n\nnamespace eta "
      "{\nnamespace "
      "{\n\nconstexpr std::string_view kNames[] = {\n");
  for (std::string_view name : eta::tensor::OfferedNames()) {
    std::printf("    \"%s\",\n", std::string(name).c_str());
  }
  std::printf(
      "};\n\n}  // namespace\n\nstd::span<const std::string_view> ExtensionNames() { return "
      "kNames; "
      "}\n\n}  // namespace eta\n");
}
