// The process's standard output, and whether something of it got lost. Programs do not notice that;
// whoever runs them asks when they have ended.
#pragma once

#include <cstdio>
#include <string_view>

namespace eta {

// As fwrite and fflush. `out` is what stands for standard output. Thread safety: any thread.
void WriteOutput(FILE* out, std::string_view bytes);
void FlushOutput(FILE* out);

// The errno of the first of these in the process that failed; 0: none has.
int OutputError();

}  // namespace eta
