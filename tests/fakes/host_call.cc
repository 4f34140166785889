#include "tests/fakes/host_call.h"

#include <ATen/CPUGeneratorImpl.h>
#include <ATen/core/List.h>
#include <c10/core/Allocator.h>

#include <cstring>

namespace eta::tensor {
namespace {

using torch::jit::Stack;

class HostGenerator final : public c10::GeneratorImpl {
 public:
  explicit HostGenerator(at::Generator host)
      : GeneratorImpl({c10::kPrivateUse1, 0}, c10::DispatchKeySet(c10::DispatchKey::PrivateUse1)),
        host(std::move(host)) {}
  void set_current_seed(uint64_t seed) override { host.set_current_seed(seed); }
  void set_offset(uint64_t offset) override { host.set_offset(offset); }
  uint64_t get_offset() const override { return host.get_offset(); }
  uint64_t current_seed() const override { return host.current_seed(); }
  uint64_t seed() override { return host.seed(); }
  void set_state(const c10::TensorImpl& state) override {
    host.unsafeGetGeneratorImpl()->set_state(state);
  }
  c10::intrusive_ptr<c10::TensorImpl> get_state() const override {
    return host.unsafeGetGeneratorImpl()->get_state();
  }

  at::Generator host;

 private:
  HostGenerator* clone_impl() const override { return new HostGenerator(host.clone()); }
};

Tensor MakeTensor(c10::Storage storage, c10::DispatchKey key, const Tensor& like) {
  Tensor tensor = at::detail::make_tensor<c10::TensorImpl>(std::move(storage),
                                                           c10::DispatchKeySet(key), like.dtype());
  tensor.unsafeGetTensorImpl()->set_sizes_and_strides(like.sizes(), like.strides(),
                                                      like.storage_offset());
  return tensor;
}

c10::Storage MakeStorage(size_t bytes, c10::DataPtr data) {
  c10::Allocator* const allocator = c10::GetAllocator(data.device().type());
  return c10::make_intrusive<c10::StorageImpl>(c10::StorageImpl::use_byte_size_t(), bytes,
                                               std::move(data), allocator, /*resizable=*/true);
}

}  // namespace

at::Generator NewHostGenerator() {
  return at::make_generator<HostGenerator>(at::make_generator<at::CPUGeneratorImpl>());
}

Tensor NewHostTensor(at::IntArrayRef sizes, at::IntArrayRef strides, at::ScalarType dtype) {
  int64_t elements = 1;
  for (size_t i = 0; i < sizes.size(); ++i) {
    elements = sizes[i] == 0 || elements == 0 ? 0 : elements + (sizes[i] - 1) * strides[i];
  }
  const size_t bytes = static_cast<size_t>(elements) * c10::elementSize(dtype);
  Tensor tensor = at::detail::make_tensor<c10::TensorImpl>(
      MakeStorage(bytes, c10::GetAllocator(c10::kPrivateUse1)->allocate(bytes)),
      c10::DispatchKeySet(c10::DispatchKey::PrivateUse1), c10::scalarTypeToTypeMeta(dtype));
  tensor.unsafeGetTensorImpl()->set_sizes_and_strides(sizes, strides);
  return tensor;
}

Tensor HostAlias(const Tensor& device) {
  const c10::Storage& storage = device.storage();
  c10::DataPtr data(storage.unsafeGetStorageImpl()->mutable_data(), c10::Device(c10::kCPU));
  return MakeTensor(MakeStorage(storage.nbytes(), std::move(data)), c10::DispatchKey::CPU, device);
}

bool MakesViews(const c10::FunctionSchema& schema) {
  return !schema.is_mutable() && !schema.returns().empty() &&
         schema.returns()[0].alias_info() != nullptr;
}

void HostCall::ToHost(Stack* stack) {
  const size_t count = op_.schema().arguments().size();
  for (size_t i = stack->size() - count; i < stack->size(); ++i) {
    arguments_.push_back((*stack)[i]);
    (*stack)[i] = ToHost((*stack)[i]);
  }
}

c10::IValue HostCall::ToHost(const c10::IValue& value) {
  if (value.isTensor()) return ToHost(value.toTensor());
  if (value.isGenerator()) return ToHost(value.toGenerator());
  if (value.isDevice() && value.toDevice().is_privateuseone()) return c10::Device(c10::kCPU);
  if (value.isTensorList()) {
    c10::List<Tensor> list;
    for (const Tensor& tensor : value.toTensorVector()) list.push_back(ToHost(tensor));
    return list;
  }
  if (value.isOptionalTensorList()) {
    c10::List<std::optional<Tensor>> list;
    for (const std::optional<Tensor>& tensor : value.toOptionalTensorList()) {
      list.push_back(tensor ? std::optional(ToHost(*tensor)) : std::nullopt);
    }
    return list;
  }
  return value;
}

at::Generator HostCall::ToHost(const at::Generator& generator) {
  TORCH_CHECK(generator.device().is_privateuseone(), op_.schema().name(),
              " draws from another device's generator");
  generators_.push_back(generator);
  if (memory_ == Memory::kZeros) return at::make_generator<at::CPUGeneratorImpl>();
  return static_cast<HostGenerator*>(generator.unsafeGetGeneratorImpl())->host;
}

// Single numbers may be anywhere; all else goes from the CPU to a device and back by copies only.
Tensor HostCall::ToHost(const Tensor& tensor) {
  if (!tensor.defined()) return tensor;
  if (tensor.is_cpu()) {
    TORCH_CHECK(tensor.dim() == 0 || op_.schema().name() == "aten::copy_", op_.schema().name(),
                " is given a tensor of the CPU");
    return tensor;
  }
  c10::Storage& host = storages_[tensor.storage().unsafeGetStorageImpl()];
  if (!host) host = HostStorageOf(tensor.storage());
  const Tensor made = MakeTensor(host, c10::DispatchKey::CPU, tensor);
  pairs_.emplace_back(made, tensor);
  return made;
}

c10::Storage HostCall::HostStorageOf(const c10::Storage& storage) const {
  if (memory_ == Memory::kZeros) {
    c10::DataPtr zeros = c10::GetAllocator(c10::kCPU)->allocate(storage.nbytes());
    if (storage.nbytes() > 0) std::memset(zeros.get(), 0, storage.nbytes());
    return MakeStorage(storage.nbytes(), std::move(zeros));
  }
  void* const data = storage.unsafeGetStorageImpl()->mutable_data();
  return MakeStorage(storage.nbytes(), c10::DataPtr(data, c10::Device(c10::kCPU)));
}

void HostCall::ToDevice(Stack* stack) {
  for (const auto& [host, device] : pairs_) FollowResize(host, device);
  const size_t count = op_.schema().returns().size();
  for (size_t i = 0; i < count; ++i) {
    c10::IValue& value = (*stack)[stack->size() - count + i];
    value = ToDevice(value, i);
  }
}

// What an operation has made of a tensor that it was given to write to.
void HostCall::FollowResize(const Tensor& host, const Tensor& device) {
  const size_t bytes = host.storage().nbytes();
  if (bytes != device.storage().nbytes()) {
    c10::StorageImpl* const storage = device.storage().unsafeGetStorageImpl();
    storage->set_data_ptr_noswap(c10::GetAllocator(c10::kPrivateUse1)->allocate(bytes));
    storage->set_nbytes(bytes);
    std::memcpy(storage->mutable_data(), host.storage().data(), bytes);
    resized_.push_back(device);
  }
  if (host.sizes() == device.sizes() && host.strides() == device.strides()) return;
  device.unsafeGetTensorImpl()->set_sizes_and_strides(host.sizes(), host.strides(),
                                                      host.storage_offset());
}

c10::IValue HostCall::ToDevice(const c10::IValue& value, size_t index) {
  const auto* alias = op_.schema().returns()[index].alias_info();
  if (alias != nullptr && alias->isWrite()) return ArgumentWith(*alias);
  if (value.isTensor()) return ToDevice(value.toTensor(), index);
  if (!value.isTensorList()) return value;
  c10::List<Tensor> list;
  for (const Tensor& tensor : value.toTensorVector()) list.push_back(ToDevice(tensor, index));
  return list;
}

// That which is returned as it was given.
const c10::IValue& HostCall::ArgumentWith(const c10::AliasInfo& alias) const {
  const auto& schema = op_.schema().arguments();
  for (size_t i = 0; i < schema.size(); ++i) {
    if (schema[i].alias_info() != nullptr && *schema[i].alias_info() == alias) {
      return arguments_[i];
    }
  }
  TORCH_CHECK(false, op_.schema().name(), " returns an argument that it was not given");
}

Tensor HostCall::ToDevice(const Tensor& host, size_t index) {
  if (!host.defined()) return host;
  for (const auto& [device, known] : storages_) {
    if (!known.is_alias_of(host.storage())) continue;
    const auto own = c10::intrusive_ptr<c10::StorageImpl>::reclaim_copy(device);
    return MakeTensor(c10::Storage(own), c10::DispatchKey::PrivateUse1, host);
  }
  const Tensor made = NewHostTensor(host.sizes(), host.strides(), host.scalar_type());
  const size_t bytes = made.storage().nbytes();
  if (bytes > 0) std::memcpy(made.mutable_data_ptr(), host.const_data_ptr(), bytes);
  made_.emplace_back(index, made);
  return made;
}

}  // namespace eta::tensor
