// What the analyzer found out, as text for `--dump=analyzer`.
#pragma once

#include <string>

#include "vm/ast.h"

namespace eta {

// One node a line, its operands indented below it, in evaluation order. Local variables carry a
// mark: `*` assigned, `^` captured, `#` in a box.
std::string DumpAst(const LambdaNode& procedure);

}  // namespace eta
