#include "parallel/core/first_difference.h"

#include <algorithm>

namespace eta::parallel {

std::pair<std::string, std::string> FirstDifference(std::string_view a, std::string_view b) {
  const auto next = [](std::string_view& text) {
    const size_t end = std::min(text.find('\n'), text.size());
    std::string line(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
    return line.empty() ? std::string("nothing") : line;
  };
  while (!a.empty() || !b.empty()) {
    std::pair lines(next(a), next(b));
    if (lines.first != lines.second) return lines;
  }
  return {};
}

}  // namespace eta::parallel
