#include "torch/nested_data.h"

#include <ATen/ops/empty.h>

#include "torch/marshal.h"
#include "vm/list_walker.h"

namespace eta::tensor {
namespace {

// libtorch's limit; it also ends data that contains itself.
constexpr size_t kMaxDepth = 64;

bool IsList(Value v) { return v.IsNil() || IsPair(v); }

// The number of items of a proper list, otherwise -1.
int64_t Length(Value list) {
  int64_t length = 0;
  ListWalker walk(list);
  for (; walk.More(); walk.Next()) ++length;
  return walk.IsProper() ? length : -1;
}

// "(1 0)"
std::string Position(const std::vector<int64_t>& indices) {
  std::string text;
  for (int64_t index : indices) text += (text.empty() ? "" : " ") + std::to_string(index);
  return "(" + text + ")";
}

// Reads data whose shape is that of its first elements, or says where it is not.
class Reader {
 public:
  std::string Read(Value v) {
    for (Value first = v; IsList(first); first = Car(first)) {
      data_.sizes.push_back(Length(first));
      if (data_.sizes.back() <= 0) break;
      if (data_.sizes.size() > kMaxDepth) return "lists nested too deeply";
    }
    return Fill(v);
  }
  NestedData Take() { return std::move(data_); }

 private:
  // `v` stands at position_. Empty: all is well.
  std::string Fill(Value v) {
    const size_t level = position_.size();
    if (level == data_.sizes.size()) return FillNumber(v);
    const int64_t length = IsList(v) ? Length(v) : -1;
    if (length != data_.sizes[level] || length < 0) return ListExpected(v, length);
    position_.push_back(0);
    for (; IsPair(v); v = Cdr(v), ++position_.back()) {
      if (std::string error = Fill(Car(v)); !error.empty()) return error;
    }
    position_.pop_back();
    return "";
  }

  std::string FillNumber(Value v) {
    if (!IsNumber(v))
      return (IsList(v) ? "ragged data at " : "not a number at ") + Position(position_);
    data_.numbers.push_back(v);
    return "";
  }

  std::string ListExpected(Value v, int64_t length) const {
    const std::string at = " at " + Position(position_);
    if (!IsList(v)) return (IsNumber(v) ? "ragged data" : "not a number") + at;
    if (length < 0) return "improper list" + at;
    return "ragged data" + at + ": " + std::to_string(length) + " items instead of " +
           std::to_string(data_.sizes[position_.size()]);
  }

  NestedData data_;
  std::vector<int64_t> position_;
};

// The position of a number, from its index in row-major order.
std::string PositionOf(size_t index, const std::vector<int64_t>& sizes) {
  std::vector<int64_t> position(sizes.size());
  for (size_t d = sizes.size(); d-- > 0;) {
    position[d] = static_cast<int64_t>(index) % sizes[d];
    index /= static_cast<size_t>(sizes[d]);
  }
  return Position(position);
}

// " at (1 0)"; nothing for a number by itself.
std::string At(size_t index, const std::vector<int64_t>& sizes) {
  return sizes.empty() ? "" : " at " + PositionOf(index, sizes);
}

// A negative number may stand for its two's complement.
bool Fits(int64_t integer, at::ScalarType dtype) {
  if (dtype == at::kByte) return !c10::overflows<uint8_t>(integer);
  return dtype != at::kInt || !c10::overflows<int32_t>(integer);
}

}  // namespace

Expected<NestedData, std::string> ReadNestedData(Value data) {
  if (!IsList(data) && !IsNumber(data)) {
    return Unexpected(std::string("a number or a list of numbers required"));
  }
  Reader reader;
  if (std::string error = reader.Read(data); !error.empty()) return Unexpected(std::move(error));
  return reader.Take();
}

Expected<at::Tensor, std::string> MakeTensor(const NestedData& data,
                                             const at::TensorOptions& options) {
  const at::ScalarType dtype = options.dtype().toScalarType();
  const bool integral = c10::isIntegralType(dtype, /*includeBool=*/true);
  const auto cpu = at::TensorOptions().dtype(integral ? at::kLong : at::kDouble);
  at::Tensor tensor = at::empty(data.sizes, cpu);
  for (size_t i = 0; i < data.numbers.size(); ++i) {
    if (!integral) {
      tensor.mutable_data_ptr<double>()[i] = ToDouble(data.numbers[i]);
      continue;
    }
    const auto integer = ReadInteger(data.numbers[i]);
    if (!integer) return Unexpected("not an integer" + At(i, data.sizes));
    if (!Fits(*integer, dtype)) {
      return Unexpected(std::to_string(*integer) + At(i, data.sizes) + " does not fit into " +
                        std::string(DtypeName(dtype)));
    }
    tensor.mutable_data_ptr<int64_t>()[i] = *integer;
  }
  return tensor.to(options);
}

}  // namespace eta::tensor
