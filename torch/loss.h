// Losses as a sum and what it is divided by, so that ranks with different numbers of rows can be
// combined exactly: the mean over all rows is sum(numerators) / sum(denominators).
#pragma once

#include <ATen/core/Tensor.h>

#include "vm/native.h"

namespace eta::tensor {

using at::Tensor;

struct LossTerms {
  Tensor numerator;    // 0-d, part of the graph
  double denominator;  // elements, rows or valid targets
};

// May throw what libtorch throws (shapes that do not fit).
using LossTermsFn = LossTerms (*)(const Tensor& prediction, const Tensor& target);

// How the loss called `name` ("nn/mse-loss") is composed, or null when it is not one of the
// library's: then it counts as a mean over the rows of the prediction.
LossTermsFn FindLossTerms(std::string_view name);

}  // namespace eta::tensor
