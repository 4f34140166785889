// Seats: which ranks of a world are in this process. Those of one process follow each other.
#pragma once

namespace eta::parallel {

struct Seats {
  int size = 1;     // ranks of the world
  int first = 0;    // the first one that is in this process
  int here = size;  // how many are

  int end() const { return first + here; }
  bool Has(int rank) const { return first <= rank && rank < end(); }
  bool all_here() const { return here == size; }
};

}  // namespace eta::parallel
