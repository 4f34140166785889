#include "vm/code.h"

#include <algorithm>

namespace eta {

static_assert(kOpCount <= 256);

SourceSpan Code::SpanAt(uint32_t word) const {
  auto after = std::upper_bound(places.begin(), places.end(), word,
                                [](uint32_t w, const Place& place) { return w < place.word; });
  return after == places.begin() ? SourceSpan{} : std::prev(after)->span;
}

}  // namespace eta
