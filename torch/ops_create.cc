// Tensors from data, constants, ranges and random streams; their dtypes.
#include <ATen/ops/arange.h>
#include <ATen/ops/bernoulli.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/eye.h>
#include <ATen/ops/full.h>
#include <ATen/ops/full_like.h>
#include <ATen/ops/linspace.h>
#include <ATen/ops/multinomial.h>
#include <ATen/ops/normal.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/ones_like.h>
#include <ATen/ops/rand.h>
#include <ATen/ops/randint.h>
#include <ATen/ops/randn.h>
#include <ATen/ops/randperm.h>
#include <ATen/ops/zeros.h>
#include <ATen/ops/zeros_like.h>

#include <cmath>

#include "torch/capture/recorder.h"
#include "torch/nested_data.h"
#include "torch/op.h"
#include "torch/op_table.h"

namespace eta::tensor {
namespace {

Value FromData(Call& call, Value data, bool requires_grad, DtypeOption dtype) {
  auto nested = ReadNestedData(data);
  if (!nested) return call.Fail(nested.error());
  std::string problem;
  const Tensor made = Recorder::MakeConstant([&] {
    auto tensor = MakeTensor(*nested, call.context().Options(dtype.dtype));
    if (!tensor) problem = tensor.error();
    return tensor ? *tensor : Tensor();
  });
  if (!made.defined()) return call.Fail(problem);
  return WrapTensor(call.vm(), made.set_requires_grad(requires_grad));
}

// The shape that a creation needs: at least one dimension.
template <class Make>
Value WithShape(Call& call, const Shape& shape, Make make) {
  if (shape.sizes.empty()) return call.Fail("invalid shape");
  return WrapTensor(call.vm(), make());
}

constexpr NativeDef kOps[] = {
    Op<"torch/tensor">(
        [](Call& call, Value data, std::optional<Value> flag, DtypeOption dtype) {
          return FromData(call, data, flag && flag->IsTrue(), dtype);
        },
        "(tensor data [requires-grad] ['dtype]): a tensor of a number or (nested) list of numbers"),
    Op<"torch/from-list">(
        [](Call& call, Value data, DtypeOption dtype) {
          return FromData(call, IsNumber(data) ? Value::Nil() : data, false, dtype);
        },
        "(from-list list ['dtype]): a tensor of a (nested) list of numbers"),
    Op<"torch/ones", "invalid shape">(
        [](Call& call, const Shape& shape, DtypeOption dtype) {
          return WithShape(call, shape, [&] {
            return at::ones(shape.sizes, call.context().Options(dtype.dtype));
          });
        },
        "(ones shape ['dtype]): a tensor of ones"),
    Op<"torch/zeros", "invalid shape">(
        [](Call& call, const Shape& shape, DtypeOption dtype) {
          return WithShape(call, shape, [&] {
            return at::zeros(shape.sizes, call.context().Options(dtype.dtype));
          });
        },
        "(zeros shape ['dtype]): a tensor of zeros"),
    Op<"torch/randn", "invalid shape">(
        [](Call& call, const Shape& shape, DtypeOption dtype) {
          return WithShape(call, shape, [&] {
            TensorContext& context = call.context();
            return at::randn(shape.sizes, context.generator(), context.Options(dtype.dtype));
          });
        },
        "(randn shape ['dtype]): standard normal samples"),
    Op<"torch/rand", "invalid shape">(
        [](Call& call, const Shape& shape, DtypeOption dtype) {
          return WithShape(call, shape, [&] {
            TensorContext& context = call.context();
            return at::rand(shape.sizes, context.generator(), context.Options(dtype.dtype));
          });
        },
        "(rand shape ['dtype]): uniform samples from [0, 1)"),
    Op<"torch/randint">(
        [](Call& call, int64_t low, int64_t high, const Shape& shape, DtypeOption dtype) {
          TensorContext& context = call.context();
          return at::randint(low, high, shape.sizes, context.generator(),
                             context.Options(dtype.dtype.value_or(at::kLong)));
        },
        "(randint low high shape ['dtype]): uniform integers from [low, high), int64"),
    Op<"torch/randperm">(
        [](Call& call, int64_t n, DtypeOption dtype) {
          TensorContext& context = call.context();
          return at::randperm(n, context.generator(),
                              context.Options(dtype.dtype.value_or(at::kLong)));
        },
        "(randperm n ['dtype]): 0 ... n - 1 in random order, int64"),
    Op<"torch/normal">(
        [](Call& call, double mean, double deviation, const Shape& shape, DtypeOption dtype) {
          TensorContext& context = call.context();
          return at::normal(mean, deviation, shape.sizes, context.generator(),
                            context.Options(dtype.dtype));
        },
        "(normal mean deviation shape ['dtype]): normal samples"),
    Op<"torch/bernoulli">(
        [](Call& call, const Tensor& p) {
          return at::bernoulli(p, call.context().generator(p.device()));
        },
        "(bernoulli p): 1 with the probabilities in p, else 0"),
    Op<"torch/multinomial">(
        [](Call& call, const Tensor& weights, int64_t n, std::optional<bool> replacement) {
          return at::multinomial(weights, n, replacement.value_or(false),
                                 call.context().generator(weights.device()));
        },
        "(multinomial weights n [replacement]): n indices, each drawn with its weight"),
    Op<"torch/eye">(
        [](Call& call, int64_t rows, std::optional<int64_t> columns, DtypeOption dtype) {
          return at::eye(rows, columns.value_or(rows), call.context().Options(dtype.dtype));
        },
        "(eye rows [columns] ['dtype]): ones on the diagonal, else zeros"),
    Op<"torch/full">(
        [](Call& call, const Shape& shape, double value, DtypeOption dtype) {
          return at::full(shape.sizes, value, call.context().Options(dtype.dtype));
        },
        "(full shape value ['dtype]): a tensor of one number"),
    Op<"torch/empty-like">([](const Tensor& x) { return at::empty_like(x); },
                           "(empty-like x): the same shape and dtype, elements undefined"),
    Op<"torch/zeros-like">([](const Tensor& x) { return at::zeros_like(x); },
                           "(zeros-like x): zeros of the same shape and dtype"),
    Op<"torch/ones-like">([](const Tensor& x) { return at::ones_like(x); },
                          "(ones-like x): ones of the same shape and dtype"),
    Op<"torch/full-like">([](const Tensor& x, double value) { return at::full_like(x, value); },
                          "(full-like x value): one number in the same shape and dtype"),
    Op<"torch/clone">([](const Tensor& x) { return x.clone(); },
                      "(clone x): the same elements in memory of their own"),
    Op<"torch/manual-seed", "non-negative integer seed required">(
        [](Call& call, int64_t seed) {
          if (seed < 0) return call.BadArgument("");
          call.context().Seed(static_cast<uint64_t>(seed));
          return call.args()[0];
        },
        "(manual-seed n): seeds the random streams; n"),
    Op<"torch/arange", "numeric args required">(
        [](Call& call, double start, double end, std::optional<double> step, DtypeOption dtype) {
          const auto options = call.context().Options(dtype.dtype);
          const bool integral = c10::isIntegralType(options.dtype().toScalarType(), false);
          TORCH_CHECK(!integral || std::abs(step.value_or(1)) >= 1, "the step ", *step,
                      " is 0 as an integer");
          return at::arange(start, end, step.value_or(1), options);
        },
        "(arange start end [step] ['dtype]): start, start + step, ... before end"),
    Op<"torch/linspace", "numeric args required">(
        [](Call& call, double start, double end, int64_t count, DtypeOption dtype) {
          return at::linspace(start, end, count, call.context().Options(dtype.dtype));
        },
        "(linspace start end n ['dtype]): n evenly spaced numbers, both ends included"),
    Op<"torch/tensor?">([](Value v) { return TensorIn(v) != nullptr; },
                        "(tensor? v): whether v is a tensor"),
    Op<"torch/dtype">(
        [](Call& call, const Tensor& t) { return call.vm().Symbol(DtypeName(t.scalar_type())); },
        "(dtype tensor): its dtype, a symbol"),
    Op<"torch/to-dtype">([](const Tensor& t, at::ScalarType dtype) { return t.to(dtype); },
                         "(to-dtype tensor 'dtype): the same numbers in another dtype"),
    Op<"torch/default-dtype">(
        [](Call& call) { return call.vm().Symbol(DtypeName(DefaultDtype::Peek())); },
        "(default-dtype): the dtype of tensors created without one, a symbol"),
    Op<"torch/default-dtype!">(
        [](Call& call, at::ScalarType dtype) {
          if (!c10::isFloatingType(dtype)) return call.Fail("a floating dtype required");
          if (!DefaultDtype::Set(dtype)) return call.Fail("tensors of another default exist");
          return call.args()[0];
        },
        "(default-dtype! 'dtype): sets it for the process, before the first tensor; the symbol"),
};

const OpTable table(kOps);

}  // namespace

}  // namespace eta::tensor
