#include "torch/state/tensor_file.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/empty.h>

#include <cstring>

#include "torch/marshal.h"

namespace eta::tensor {
namespace {

struct DtypeCode {
  at::ScalarType dtype;
  const char* name;
};
constexpr DtypeCode kDtypes[] = {{at::kDouble, "F64"},    {at::kFloat, "F32"}, {at::kHalf, "F16"},
                                 {at::kBFloat16, "BF16"}, {at::kLong, "I64"},  {at::kInt, "I32"},
                                 {at::kByte, "U8"},       {at::kBool, "BOOL"}};

const char* NameOf(at::ScalarType dtype) {
  for (const DtypeCode& known : kDtypes) {
    if (known.dtype == dtype) return known.name;
  }
  TORCH_CHECK(false, "tensors of dtype ", c10::toString(dtype), " cannot be stored");
}

std::string_view BytesOf(const Tensor& tensor) {
  return {static_cast<const char*>(tensor.const_data_ptr()), tensor.nbytes()};
}

std::string ShapeText(at::IntArrayRef shape) {
  std::string text = "(";
  for (size_t i = 0; i < shape.size(); ++i) text += (i ? " " : "") + std::to_string(shape[i]);
  return text + ")";
}

}  // namespace

void TensorsToStore::Add(const std::string& name, const Tensor& tensor) {
  NameOf(tensor.scalar_type());
  const Tensor stored = tensor.detach().to(at::kCPU).contiguous();
  TORCH_CHECK(tensors_.emplace(name, stored).second, "two tensors are called '", name, "'");
}

void TensorsToStore::AddAll(const std::string& prefix, const std::vector<NamedParameter>& tensors) {
  for (const NamedParameter& tensor : tensors) Add(prefix + tensor.name, tensor.tensor);
}

void TensorsToStore::Write(const std::string& path, const Metadata& metadata) const {
  std::vector<StoredTensor> stored;
  for (const auto& [name, tensor] : tensors_) {
    stored.push_back({name, NameOf(tensor.scalar_type()), tensor.sizes().vec(), BytesOf(tensor)});
  }
  const auto written = WriteSafetensors(path, std::move(stored), metadata);
  TORCH_CHECK(written, written.error());
}

Safetensors ReadSafetensors(const std::string& path) {
  auto file = Safetensors::Read(path);
  TORCH_CHECK(file, file.error());
  return std::move(*file);
}

Tensor ToTensor(const StoredTensor& stored) {
  for (const DtypeCode& known : kDtypes) {
    if (stored.dtype != known.name) continue;
    Tensor tensor = at::empty(stored.shape, at::TensorOptions(known.dtype).device(at::kCPU));
    if (!stored.bytes.empty()) {
      std::memcpy(tensor.data_ptr(), stored.bytes.data(), stored.bytes.size());
    }
    return tensor;
  }
  TORCH_CHECK(false, "tensor '", stored.name, "' has dtype ", stored.dtype, ", which Eta lacks");
}

void Assignment::Plan(const Safetensors& file, const std::string& path, const std::string& prefix,
                      const std::vector<NamedParameter>& places, bool may_convert) {
  size_t stored_here = 0;
  for (const StoredTensor& stored : file.tensors()) stored_here += stored.name.starts_with(prefix);
  for (const auto& [name, place] : places) {
    const StoredTensor* stored = file.Find(prefix + name);
    TORCH_CHECK(stored, "'", path, "' has no tensor '", prefix, name, "'");
    TORCH_CHECK(place.sizes() == at::IntArrayRef(stored->shape), "'", prefix, name, "' has shape ",
                ShapeText(place.sizes()), ", in '", path, "' ", ShapeText(stored->shape));
    Tensor value = ToTensor(*stored);
    TORCH_CHECK(may_convert || value.scalar_type() == place.scalar_type(), "'", prefix, name,
                "' has dtype ", DtypeName(place.scalar_type()), ", in '", path, "' ",
                DtypeName(value.scalar_type()));
    values_.emplace_back(place, value.to(place.options().requires_grad(false)));
  }
  TORCH_CHECK(stored_here == places.size(), "'", path, "' has ", stored_here,
              " tensors where there is room for ", places.size());
}

void Assignment::Assign() const {
  const at::NoGradGuard no_grad;
  for (const auto& [place, value] : values_) place.copy_(value);
}

}  // namespace eta::tensor
