// How losses add up over ranks that have different numbers of rows: the mean over all rows is the
// sum of the numerators over the sum of the denominators.
//
// A loss of the library knows its denominator (rows, elements, targets that count, their weights)
// and notes it down when it is computed. A training step that called a procedure of the program
// looks whether what it returned is such a loss, and is exact if so:
//
//   LossNotes notes(context);
//   ... the program computes `result` ...
//   const LossNote* note = notes.Find(result);
#pragma once

#include <ATen/core/Tensor.h>
#include <c10/util/FunctionRef.h>

#include <string_view>
#include <variant>
#include <vector>

#include "torch/marshal.h"

namespace eta::tensor {

// What a mean is divided by: a number, or a tensor of one element that is read when somebody asks.
using LossCount = std::variant<double, Tensor>;

struct LossNote {
  c10::weak_intrusive_ptr<c10::TensorImpl, c10::UndefinedTensorImpl> result;
  bool adds;        // the result is a sum, to be added up as it is
  LossCount count;  // of a mean

  double denominator() const;
};

// While in scope, losses of this context are noted. Thread safety: the isolate's thread.
class LossNotes {
 public:
  explicit LossNotes(TensorContext& context);
  ~LossNotes();
  LossNotes(const LossNotes&) = delete;
  LossNotes& operator=(const LossNotes&) = delete;

  // Null: not the result of a loss of the library, or not reduced to one number.
  const LossNote* Find(const Tensor& result) const;

 private:
  friend Tensor NoteLoss(TensorContext&, Tensor, int64_t, c10::function_ref<LossCount()>);

  TensorContext& context_;
  LossNotes* const outer_;
  std::vector<LossNote> notes_;
};

// Notes a loss with this at::Reduction, if somebody wants to know; returns it. `count` is asked
// only then.
Tensor NoteLoss(TensorContext& context, Tensor result, int64_t reduction,
                c10::function_ref<LossCount()> count);

// A loss of the library with its options, as an operation calls it. May throw what libtorch throws.
using LossFunction = Tensor(Call& call, const Tensor& prediction, const Tensor& target,
                            const Rest<Value>& options);

// The one called `name` ("nn/mse-loss"), or null if it is none, or not one of a prediction and a
// target. Called through it, a loss leaves no values behind that hold its graph until garbage is
// collected.
LossFunction* FindLoss(std::string_view name);

}  // namespace eta::tensor
