// Finds which procedure owns each variable, and which variables each procedure captures. Runs after
// loops were found, since a loop's variables belong to the procedure around it.
#pragma once

#include "vm/ast.h"

namespace eta {

// Sets Variable::owner and ::captured, and LambdaNode::captures of `top` and all inside it.
void FindCaptures(LambdaNode* top);

}  // namespace eta
