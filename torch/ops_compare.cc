// Comparisons, logic, and choices by them. Results are bool tensors.
#include <ATen/ops/allclose.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/where.h>

#include "torch/op.h"
#include "torch/op_table.h"

namespace eta::tensor {
namespace {

constexpr NativeDef kOps[] = {
    Op<"torch/eq">([](const Tensor& a, const Operand& b) { return a.eq(b.tensor); },
                   "(t= a b): where they are equal"),
    Op<"torch/ne">([](const Tensor& a, const Operand& b) { return a.ne(b.tensor); },
                   "(t/= a b): where they are not equal"),
    Op<"torch/lt">([](const Tensor& a, const Operand& b) { return a.lt(b.tensor); },
                   "(t< a b): where a is smaller"),
    Op<"torch/le">([](const Tensor& a, const Operand& b) { return a.le(b.tensor); },
                   "(t<= a b): where a is not larger"),
    Op<"torch/gt">([](const Tensor& a, const Operand& b) { return a.gt(b.tensor); },
                   "(t> a b): where a is larger"),
    Op<"torch/ge">([](const Tensor& a, const Operand& b) { return a.ge(b.tensor); },
                   "(t>= a b): where a is not smaller"),
    Op<"torch/logical-and">(
        [](const Tensor& a, const Operand& b) { return a.logical_and(b.tensor); },
        "(logical-and a b): where both are not 0"),
    Op<"torch/logical-or">([](const Tensor& a, const Operand& b) { return a.logical_or(b.tensor); },
                           "(logical-or a b): where one is not 0"),
    Op<"torch/logical-xor">(
        [](const Tensor& a, const Operand& b) { return a.logical_xor(b.tensor); },
        "(logical-xor a b): where exactly one is not 0"),
    Op<"torch/logical-not">([](const Tensor& x) { return x.logical_not(); },
                            "(logical-not x): where x is 0"),
    Op<"torch/isnan">([](const Tensor& x) { return x.isnan(); }, "(isnan x): where x is nan"),
    Op<"torch/isinf">([](const Tensor& x) { return x.isinf(); }, "(isinf x): where x is infinite"),
    Op<"torch/isfinite">([](const Tensor& x) { return x.isfinite(); },
                         "(isfinite x): where x is neither nan nor infinite"),
    Op<"torch/any">(
        [](const Tensor& x, std::optional<Axis> axis, std::optional<bool> keep) {
          return axis ? x.any(axis->value, keep.value_or(false)) : x.any();
        },
        "(any x [axis [keep-axis]]): whether some element is not 0"),
    Op<"torch/all">(
        [](const Tensor& x, std::optional<Axis> axis, std::optional<bool> keep) {
          return axis ? x.all(axis->value, keep.value_or(false)) : x.all();
        },
        "(all x [axis [keep-axis]]): whether no element is 0"),
    Op<"torch/where">([](const Tensor& condition, const Operand& a,
                         const Operand& b) { return at::where(condition, a.tensor, b.tensor); },
                      "(where condition a b): a where the condition holds, else b"),
    Op<"torch/tensor-equal?">(
        [](const Tensor& a, const Tensor& b) {
          return a.sizes() == b.sizes() && a.scalar_type() == b.scalar_type() && at::equal(a, b);
        },
        "(tensor-equal? a b): whether shapes, dtypes and all elements are the same"),
    Op<"torch/all-close?">(
        [](const Tensor& a, const Tensor& b, std::optional<double> relative,
           std::optional<double> absolute) {
          return at::allclose(a, b, relative.value_or(1e-5), absolute.value_or(1e-8));
        },
        "(all-close? a b [relative [absolute]]): whether |a - b| <= absolute + relative |b|"),
};

const OpTable table(kOps);

}  // namespace

}  // namespace eta::tensor
