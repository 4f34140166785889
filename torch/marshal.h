// Conversion between the language's values and the C++ types that operations are written in.
//
//   Arg<T>     reads one argument. `Read` says whether the value fits; `kExpected` is what to say
//              if not ("NAME: tensor required"); `get` is what the operation receives.
//   ToValue    turns a result into a value.
//
// A type without an Arg is no type for an operation's parameter.
#pragma once

#include <ATen/core/Tensor.h>
#include <c10/core/ScalarType.h>

#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "torch/call.h"
#include "torch/module.h"
#include "torch/optimizer.h"
#include "torch/tensor_object.h"
#include "vm/vm.h"

namespace eta::tensor {

// Parameter types with a meaning of their own.
struct Axis {
  int64_t value;
};
struct Shape {  // a proper list of integers, entries of other kinds skipped; may be empty
  std::vector<int64_t> sizes;
};
struct Axes {  // one axis, or a list of them
  std::vector<int64_t> values;
};
struct Operand {  // a tensor, or a number, which takes on the dtype of what it meets
  Tensor tensor;
};
struct Indices {  // a tensor, or a list of integers
  Tensor tensor;
};
struct Flag {  // any value; #f and () are off
  bool on;
};
// The last parameter of a creation function: a dtype symbol may end the arguments, whichever of the
// optional ones were given.
struct DtypeOption {
  std::optional<at::ScalarType> dtype;
};
// All remaining arguments.
template <class T>
struct Rest {
  std::vector<T> items;
};

// "float32" and the like; nothing when there is no such dtype.
std::optional<at::ScalarType> ParseDtype(std::string_view name);
std::string_view DtypeName(at::ScalarType dtype);

// An int, or a float without a fraction that fits.
std::optional<int64_t> ReadInteger(Value v);

template <class T>
struct Arg;

template <>
struct Arg<Value> {
  static constexpr std::string_view kExpected = "value required";
  bool Read(Value v) {
    value = v;
    return true;
  }
  Value get() const { return value; }
  Value value;
};

template <>
struct Arg<Tensor> {
  static constexpr std::string_view kExpected = "tensor required";
  bool Read(Value v) { return (tensor = TensorIn(v)) != nullptr; }
  const Tensor& get() const { return *tensor; }
  const Tensor* tensor;
};

template <>
struct Arg<std::shared_ptr<Module>> {
  static constexpr std::string_view kExpected = "nn-module required";
  bool Read(Value v) { return (module = ModuleIn(v)) != nullptr; }
  const std::shared_ptr<Module>& get() const { return *module; }
  const std::shared_ptr<Module>* module;
};

template <>
struct Arg<std::shared_ptr<Optimizer>> {
  static constexpr std::string_view kExpected = "optimizer required";
  bool Read(Value v) { return (optimizer = OptimizerIn(v)) != nullptr; }
  const std::shared_ptr<Optimizer>& get() const { return *optimizer; }
  const std::shared_ptr<Optimizer>* optimizer;
};

template <>
struct Arg<int64_t> {
  static constexpr std::string_view kExpected = "integer required";
  bool Read(Value v) {
    const auto read = ReadInteger(v);
    integer = read.value_or(0);
    return read.has_value();
  }
  int64_t get() const { return integer; }
  int64_t integer;
};

template <>
struct Arg<Axis> : Arg<int64_t> {
  static constexpr std::string_view kExpected = "integer axis required";
  Axis get() const { return {integer}; }
};

template <>
struct Arg<double> {
  static constexpr std::string_view kExpected = "number required";
  bool Read(Value v) {
    if (!IsNumber(v)) return false;
    number = ToDouble(v);
    return true;
  }
  double get() const { return number; }
  double number;
};

template <>
struct Arg<bool> {
  static constexpr std::string_view kExpected = "boolean required";
  bool Read(Value v) {
    value = v.IsTrue();
    return v.IsBool();
  }
  bool get() const { return value; }
  bool value;
};

template <>
struct Arg<Flag> {
  static constexpr std::string_view kExpected = "flag required";
  bool Read(Value v) {
    value = v.IsTruthy() && !v.IsNil();
    return true;
  }
  Flag get() const { return {value}; }
  bool value;
};

template <>
struct Arg<std::string> {
  static constexpr std::string_view kExpected = "string required";
  bool Read(Value v) {
    if (!IsString(v)) return false;
    text = StringView(v);
    return true;
  }
  const std::string& get() const { return text; }
  std::string text;
};

template <>
struct Arg<at::ScalarType> {
  static constexpr std::string_view kExpected =
      "dtype symbol required (float16 bfloat16 float32 float64 int32 int64 uint8 bool)";
  bool Read(Value v);
  at::ScalarType get() const { return dtype; }
  at::ScalarType dtype;
};

template <>
struct Arg<Shape> {
  static constexpr std::string_view kExpected = "list of integers required";
  bool Read(Value v);
  const Shape& get() const { return shape; }
  Shape shape;
};

template <>
struct Arg<Axes> {
  static constexpr std::string_view kExpected = "integer axis or list of axes required";
  bool Read(Value v);
  const Axes& get() const { return axes; }
  Axes axes;
};

template <>
struct Arg<Operand> {
  static constexpr std::string_view kExpected = "tensor or number required";
  bool Read(Value v);
  const Operand& get() const { return operand; }
  Operand operand;
};

template <>
struct Arg<Indices> {
  static constexpr std::string_view kExpected = "tensor or list of integers required";
  bool Read(Value v);
  const Indices& get() const { return indices; }
  Indices indices;
};

template <>
struct Arg<std::vector<Tensor>> {
  static constexpr std::string_view kExpected = "list of tensors required";
  bool Read(Value v);
  const std::vector<Tensor>& get() const { return tensors; }
  std::vector<Tensor> tensors;
};

inline Value ToValue(Vm&, Value v) { return v; }
inline Value ToValue(Vm&, bool b) { return Value::Bool(b); }
inline Value ToValue(Vm&, double d) { return Value::Double(d); }
inline Value ToValue(Vm& vm, int64_t i) { return vm.heap().Integer(i); }
inline Value ToValue(Vm& vm, const std::string& text) { return vm.String(text); }
inline Value ToValue(Vm& vm, Tensor tensor) { return WrapTensor(vm, std::move(tensor)); }
inline Value ToValue(Vm& vm, std::shared_ptr<Module> module) {
  return WrapModule(vm, std::move(module));
}
inline Value ToValue(Vm& vm, std::shared_ptr<Optimizer> optimizer) {
  return WrapOptimizer(vm, std::move(optimizer));
}
Value ToValue(Vm& vm, at::IntArrayRef integers);  // a list
Value ToValue(Vm& vm, const std::vector<Tensor>& tensors);
template <class... T>
Value ToValue(Vm& vm, const std::tuple<T...>& tensors) {
  return ToValue(vm, std::apply([](const T&... t) { return std::vector<Tensor>{t...}; }, tensors));
}

}  // namespace eta::tensor
