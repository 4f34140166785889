// Tensors from data, constants, ranges and random streams; their dtypes.
#include <ATen/ops/arange.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/linspace.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/randn.h>
#include <ATen/ops/zeros.h>

#include "torch/nested_data.h"
#include "torch/op.h"
#include "torch/op_table.h"

namespace eta::tensor {
namespace {

Value FromData(Call& call, Value data, bool requires_grad, DtypeOption dtype) {
  auto nested = ReadNestedData(data);
  if (!nested) return call.Fail(nested.error());
  auto tensor = MakeTensor(*nested, call.context().Options(dtype.dtype));
  if (!tensor) return call.Fail(tensor.error());
  return WrapTensor(call.vm(), tensor->set_requires_grad(requires_grad));
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
    Op<"torch/manual-seed", "non-negative integer seed required">(
        [](Call& call, int64_t seed) {
          if (seed < 0) return call.BadArgument("");
          call.context().Seed(static_cast<uint64_t>(seed));
          return call.args()[0];
        },
        "(manual-seed n): seeds the random streams; n"),
    Op<"torch/arange", "numeric args required">(
        [](Call& call, double start, double end, std::optional<double> step, DtypeOption dtype) {
          return at::arange(start, end, step.value_or(1), call.context().Options(dtype.dtype));
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
