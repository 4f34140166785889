#include "vm/image.h"

#include <algorithm>

#include "stdlib/embedded.h"
#include "vm/code.h"

namespace eta {

// FNV-1a: a changed byte always changes it.
uint64_t HashBytes(std::string_view bytes) {
  uint64_t hash = 0xCBF29CE484222325;
  for (char byte : bytes) hash = (hash ^ static_cast<uint8_t>(byte)) * 0x100000001B3;
  return hash;
}

uint64_t InterfaceHash(const Module& module) {
  std::vector<std::string_view> names;
  for (const auto& [name, slot] : module.exports) names.push_back(*name);
  std::sort(names.begin(), names.end());
  std::string text;
  for (std::string_view name : names) text.append(name).push_back('\n');
  return HashBytes(text);
}

uint64_t ImageFingerprint() {
  constexpr int kFormat = 2;
  std::string text = std::to_string(kFormat);
  for (const OpInfo& op : kOps) text.append(op.name).append(op.operands).append(op.builtin);
  for (const EmbeddedFile& file : EmbeddedStdlib()) {
    const bool in_subfolder = file.path.find('/') != std::string_view::npos;
    if (!in_subfolder) text.append(file.text);
  }
  return HashBytes(text);
}

}  // namespace eta
