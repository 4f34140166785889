#include "vm/dump.h"

namespace eta {
namespace {

std::string ImportText(const ExpandedModule::Import& import) {
  const std::string& name = *import.module;
  std::string items;
  if (!import.prefix.empty()) return "(prefix " + name + " " + import.prefix + ")";
  if (!import.all) {
    for (const auto& id : import.only) items += " " + *id.name;
    return "(only " + name + items + ")";
  }
  if (!import.hidden.empty()) {
    for (const auto& id : import.hidden) items += " " + *id.name;
    return "(except " + name + items + ")";
  }
  if (!import.renamed.empty()) {
    for (const auto& pair : import.renamed) {
      items += " (" + *pair.exported + " " + *pair.local + ")";
    }
    return "(rename " + name + items + ")";
  }
  return name;
}

std::string HeaderText(const ExpandedModule& module) {
  std::string out;
  if (!module.imports.empty()) {
    out += "\n  (import";
    for (const auto& import : module.imports) out += " " + ImportText(import);
    out += ")";
  }
  if (!module.exports.empty()) {
    out += "\n  (export";
    for (const auto& id : module.exports) out += " " + *id.name;
    out += ")";
  }
  return out;
}

}  // namespace

std::string DumpData(const std::vector<const Datum*>& data) {
  std::string out;
  for (const Datum* datum : data) out += ToText(datum) + "\n";
  return out;
}

std::string DumpExpanded(const ExpandedFile& file) {
  std::string out;
  for (const ExpandedFile::Part& part : file.parts) {
    const ExpandedModule& module = file.modules[part.module];
    out += "(module " + *module.name;
    if (part.begin == 0) out += HeaderText(module);
    for (size_t i = part.begin; i < part.end; ++i) out += "\n  " + ToText(module.body[i]);
    out += ")\n";
  }
  return out;
}

}  // namespace eta
