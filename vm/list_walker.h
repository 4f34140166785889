// The elements of a list that a program gave, which may be none: improper, or going round in
// circles.
#pragma once

#include <cstddef>
#include <optional>
#include <vector>

#include "vm/object.h"

namespace eta {

// Walks over the elements, of a list in a circle over each once or more, and ends.
//
//   ListWalker walk(list);
//   for (; walk.More(); walk.Next()) use(walk.item());
//   if (!walk.IsProper()) return Wrong(vm, "length", "not a proper list");
class ListWalker {
 public:
  explicit ListWalker(Value list) : rest_(list), mark_(list) {}
  bool More() const { return IsPair(rest_) && !is_cyclic_; }
  Value item() const { return Car(rest_); }
  Value rest() const { return rest_; }
  // Brent's algorithm: the mark jumps ahead ever less often; a cycle comes back to it.
  void Next() {
    rest_ = Cdr(rest_);
    is_cyclic_ = rest_ == mark_ && IsPair(rest_);
    if (++steps_ == limit_) {
      mark_ = rest_;
      limit_ *= 2;
    }
  }
  // REQUIRES: !More().
  bool IsProper() const { return rest_.IsNil(); }

 private:
  Value rest_;
  Value mark_;
  size_t steps_ = 0;
  size_t limit_ = 1;
  bool is_cyclic_ = false;
};

// Its elements. Nothing when it is not a proper list.
inline std::optional<std::vector<Value>> ListItems(Value list) {
  std::vector<Value> items;
  ListWalker walk(list);
  for (; walk.More(); walk.Next()) items.push_back(walk.item());
  if (!walk.IsProper()) return std::nullopt;
  return items;
}

}  // namespace eta
