#include "vm/standard_output.h"

#include <atomic>
#include <cerrno>

namespace eta {
namespace {

std::atomic<int> g_first_error{0};

void NoteError(int error) {
  int none = 0;
  g_first_error.compare_exchange_strong(none, error);
}

}  // namespace

void WriteOutput(FILE* out, std::string_view bytes) {
  if (std::fwrite(bytes.data(), 1, bytes.size(), out) != bytes.size()) NoteError(errno);
}

void FlushOutput(FILE* out) {
  if (std::fflush(out) != 0) NoteError(errno);
}

int OutputError() { return g_first_error.load(); }

}  // namespace eta
