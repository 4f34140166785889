// The process's standard output. What of it gets lost is noted (vm/lost_output.h), and programs do
// not notice.
#pragma once

#include <cstdio>
#include <string_view>

namespace eta {

// As fwrite and fflush. `out` is what stands for standard output. Thread safety: any thread.
void WriteOutput(FILE* out, std::string_view bytes);
void FlushOutput(FILE* out);

}  // namespace eta
