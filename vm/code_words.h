// Walks over the words of a Code.
#pragma once

#include <vector>

#include "vm/code.h"
#include "vm/module.h"

namespace eta {

// Replaces each operand that names a global variable with what `rename` makes of it.
template <class Rename>
void ForEachGlobal(std::vector<Word>* words, const Rename& rename) {
  for (size_t i = 0; i < words->size(); ++i) {
    Word& word = (*words)[i];
    const OpInfo& info = kOps[static_cast<int>(OpOf(word))];
    if (info.operands == "rG") {
      word = InstructionX(OpOf(word), FieldA(word), rename(GlobalSlot{FieldBx(word)}));
    }
    if (info.has_offset_word()) ++i;
  }
}

}  // namespace eta
