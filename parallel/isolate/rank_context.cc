#include "parallel/isolate/rank_context.h"

namespace eta::parallel {
namespace {

constexpr const char* kOnFailure[] = {"stop", "heal", "shrink"};

}  // namespace

const char* NameOf(OnFailure what) { return kOnFailure[static_cast<size_t>(what)]; }

std::optional<OnFailure> ParseOnFailure(std::string_view name) {
  for (size_t i = 0; i < std::size(kOnFailure); ++i) {
    if (name == kOnFailure[i]) return static_cast<OnFailure>(i);
  }
  return std::nullopt;
}

}  // namespace eta::parallel
