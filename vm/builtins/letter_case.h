// Case and classes of characters, by Unicode and whatever the process's locale.
#pragma once

#include <locale.h>

#include <cstdint>

namespace eta {

uint32_t UpperCase(uint32_t code_point);
uint32_t LowerCase(uint32_t code_point);
// Alike for letters that differ in case only.
uint32_t FoldCase(uint32_t code_point);
bool IsSpace(uint32_t code_point);

// What the functions of <wctype.h> want.
locale_t UnicodeLocale();

}  // namespace eta
