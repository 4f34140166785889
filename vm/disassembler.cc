#include "vm/disassembler.h"

#include <cstdio>

#include "vm/printer.h"
#include "vm/vm.h"

namespace eta {
namespace {

std::string OperandText(Vm& vm, const Code& code, size_t at, char operand, uint32_t field) {
  const Word w = code.words[at];
  const uint32_t value = w >> (8 + 8 * field) & 0xFF;
  auto constant = [&](uint32_t index) {
    std::string text = "k" + std::to_string(index) + "=";
    if (const auto* inner = As<CodeObject>(code.constants[index])) return text + inner->code->name;
    Print(vm, code.constants[index], PrintMode::kWrite, &text);
    return text;
  };
  switch (operand) {
    case 'r':
      return "r" + std::to_string(value);
    case 'c':
      return "c" + std::to_string(value);
    case 'k':
      return constant(value);
    case 'K':
      return constant(FieldBx(w));
    case 'G':
      return vm.GlobalName(FieldBx(w));
    case 'I':
      return std::to_string(SignedBx(w));
    case 'i':
      return std::to_string(static_cast<int8_t>(value));
    case 'j':
      return "-> " + std::to_string(static_cast<int64_t>(at) + 1 + SignedJump(w));
    case 'w':
      return "-> " + std::to_string(static_cast<int64_t>(at) + 2 +
                                    static_cast<int32_t>(code.words[at + 1]));
    default:
      return std::to_string(value);
  }
}

void AppendProcedure(Vm& vm, const Code& code, std::string* out) {
  *out += code.name + "  (" + std::to_string(code.required_args) + (code.has_rest ? "+" : "") +
          " arguments, " + std::to_string(code.frame_size) + " registers)\n";
  for (size_t at = 0; at < code.words.size();) {
    const OpInfo& info = kOps[code.words[at] & 0xFF];
    char head[64];
    std::snprintf(head, sizeof head, "%5zu  line %-4u  %-16s", at,
                  code.SpanAt(static_cast<uint32_t>(at)).line, std::string(info.name).c_str());
    *out += head;
    uint32_t field = 0;
    for (char operand : info.operands) *out += " " + OperandText(vm, code, at, operand, field++);
    *out += "\n";
    at += info.has_offset_word() ? 2 : 1;
  }
  for (Value constant : code.constants) {
    if (const auto* inner = As<CodeObject>(constant)) AppendProcedure(vm, *inner->code, out);
    if (const auto* whole = As<ClosureObject>(constant)) AppendProcedure(vm, *whole->code, out);
  }
}

}  // namespace

std::string Disassemble(Vm& vm, const Code& code) {
  std::string text;
  AppendProcedure(vm, code, &text);
  return text;
}

}  // namespace eta
