// A loss over several lots of rows (batches, shards, the rows of several ranks): the mean over all
// of them is the sum of the numerators over the sum of the denominators.
#pragma once

namespace eta::tensor {

struct LossSums {
  double numerator = 0, denominator = 0;
  bool adds = false;  // sums, not means: the denominator of all together is 1

  double mean() const { return numerator / denominator; }

  LossSums& operator+=(const LossSums& more) {
    numerator += more.numerator;
    adds |= more.adds;
    denominator = adds ? 1 : denominator + more.denominator;
    return *this;
  }
};

}  // namespace eta::tensor
