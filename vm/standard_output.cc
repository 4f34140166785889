#include "vm/standard_output.h"

#include <cerrno>

#include "vm/lost_output.h"

namespace eta {
namespace {

constexpr char kName[] = "standard output";

}  // namespace

void WriteOutput(FILE* out, std::string_view bytes) {
  if (std::fwrite(bytes.data(), 1, bytes.size(), out) != bytes.size()) NoteLoss(kName, errno);
}

void FlushOutput(FILE* out) {
  if (std::fflush(out) != 0) NoteLoss(kName, errno);
}

}  // namespace eta
