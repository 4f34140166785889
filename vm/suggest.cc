#include "vm/suggest.h"

#include <algorithm>
#include <vector>

namespace eta {
namespace {

// The optimal string alignment distance of `a` and `b`, or `limit + 1` when it is larger.
size_t Distance(std::string_view a, std::string_view b, size_t limit) {
  if (a.size() + limit < b.size() || b.size() + limit < a.size()) return limit + 1;
  std::vector<size_t> before(b.size() + 1), previous(b.size() + 1), row(b.size() + 1);
  for (size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (size_t i = 1; i <= a.size(); ++i) {
    before.swap(previous);
    previous.swap(row);
    row[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      const size_t replaced = previous[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
      row[j] = std::min({replaced, previous[j] + 1, row[j - 1] + 1});
      const bool swapped = i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
      if (swapped) row[j] = std::min(row[j], before[j - 2] + 1);
    }
    if (*std::min_element(row.begin(), row.end()) > limit) return limit + 1;
  }
  return row[b.size()];
}

}  // namespace

std::string_view NearestName(std::string_view name, std::span<const std::string_view> candidates) {
  size_t limit = std::min<size_t>(3, (name.size() + 1) / 3);
  std::string_view nearest;
  for (std::string_view candidate : candidates) {
    if (limit == 0 && candidate != name) continue;
    const size_t distance = Distance(name, candidate, limit);
    if (distance > limit) continue;
    const bool nearer = nearest.empty() || distance < limit;
    if (nearer || candidate < nearest) nearest = candidate;  // alphabetical, whatever the order
    limit = distance;
  }
  return nearest;
}

std::string DidYouMean(std::string_view name, std::span<const std::string_view> candidates) {
  const std::string_view nearest = NearestName(name, candidates);
  if (nearest.empty() || nearest == name) return "";
  return " (did you mean '" + std::string(nearest) + "'?)";
}

}  // namespace eta
