// Bytecode as text, one instruction a line, inner procedures after their enclosing one.
#pragma once

#include <string>

#include "vm/code.h"

namespace eta {

class Vm;

std::string Disassemble(Vm& vm, const Code& code);

}  // namespace eta
