#include "torch/marshal.h"

#include <ATen/ScalarOps.h>
#include <ATen/ops/tensor.h>

#include <cmath>

#include "torch/capture/recorder.h"
#include "vm/list_walker.h"

namespace eta::tensor {
namespace {

struct DtypeRow {
  std::string_view name;
  at::ScalarType dtype;
};
constexpr DtypeRow kDtypes[] = {
    {"float64", at::kDouble},    {"float32", at::kFloat}, {"float16", at::kHalf},
    {"bfloat16", at::kBFloat16}, {"int64", at::kLong},    {"int32", at::kInt},
    {"uint8", at::kByte},        {"bool", at::kBool},
};

// The items of a proper list of integers, if it is one.
std::optional<std::vector<int64_t>> ReadIntegers(Value v) {
  std::vector<int64_t> integers;
  ListWalker walk(v);
  for (; walk.More(); walk.Next()) {
    const auto integer = ReadInteger(walk.item());
    if (!integer) return std::nullopt;
    integers.push_back(*integer);
  }
  if (!walk.IsProper()) return std::nullopt;
  return integers;
}

}  // namespace

std::optional<at::ScalarType> ParseDtype(std::string_view name) {
  for (const DtypeRow& row : kDtypes) {
    if (row.name == name) return row.dtype;
  }
  return std::nullopt;
}

std::string_view DtypeName(at::ScalarType dtype) {
  for (const DtypeRow& row : kDtypes) {
    if (row.dtype == dtype) return row.name;
  }
  return c10::toString(dtype);
}

std::optional<int64_t> ReadInteger(Value v) {
  if (IsInteger(v)) return ToInt64(v);
  if (!v.IsDouble()) return std::nullopt;
  const double d = v.AsDouble();
  constexpr double kLimit = 9223372036854775808.0;  // 2^63
  if (std::trunc(d) != d || d < -kLimit || d >= kLimit) return std::nullopt;
  return static_cast<int64_t>(d);
}

bool Arg<at::ScalarType>::Read(Value v) {
  const auto parsed = IsSymbol(v) ? ParseDtype(SymbolName(v)) : std::nullopt;
  dtype = parsed.value_or(at::kDouble);
  return parsed.has_value();
}

bool Arg<Shape>::Read(Value v) {
  if (!IsPair(v) && !v.IsNil()) return false;
  ListWalker walk(v);
  for (; walk.More(); walk.Next()) {
    if (const auto size = ReadInteger(walk.item())) shape.sizes.push_back(*size);
  }
  return walk.IsProper();
}

bool Arg<Axes>::Read(Value v) {
  if (const auto axis = ReadInteger(v)) {
    axes.values = {*axis};
    return true;
  }
  auto integers = ReadIntegers(v);
  if (!integers) return false;
  axes.values = *std::move(integers);
  return true;
}

bool Arg<Operand>::Read(Value v) {
  if (const Tensor* given = TensorIn(v)) {
    operand.tensor = *given;
  } else if (IsInteger(v)) {
    operand.tensor = at::native::wrapped_scalar_tensor(ToInt64(v));
  } else if (IsNumber(v)) {
    operand.tensor = at::native::wrapped_scalar_tensor(ToDouble(v));
  }
  return operand.tensor.defined();
}

bool Arg<Indices>::Read(Value v) {
  if (const Tensor* given = TensorIn(v)) {
    indices.tensor = *given;
    return true;
  }
  const auto integers = ReadIntegers(v);
  if (!integers) return false;
  indices.tensor = Recorder::MakeConstant([&] { return at::tensor(*integers, at::kLong); });
  return true;
}

bool Arg<std::vector<Tensor>>::Read(Value v) {
  ListWalker walk(v);
  for (; walk.More(); walk.Next()) {
    const Tensor* tensor = TensorIn(walk.item());
    if (tensor == nullptr) return false;
    tensors.push_back(*tensor);
  }
  return walk.IsProper();
}

Value ToValue(Vm& vm, at::IntArrayRef integers) {
  Root list(vm.heap());
  for (size_t i = integers.size(); i-- > 0;) {
    list = vm.heap().Cons(vm.heap().Integer(integers[i]), list);
  }
  return list;
}

Value ToValue(Vm& vm, const std::vector<Tensor>& tensors) {
  Root list(vm.heap());
  for (size_t i = tensors.size(); i-- > 0;) {
    list = vm.heap().Cons(WrapTensor(vm, tensors[i]), list);
  }
  return list;
}

}  // namespace eta::tensor
