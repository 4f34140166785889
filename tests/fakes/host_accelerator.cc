#include "tests/fakes/host_accelerator.h"

#include <ATen/core/LegacyTypeDispatch.h>
#include <ATen/detail/PrivateUse1HooksInterface.h>
#include <ATen/ops/empty.h>
#include <c10/core/impl/DeviceGuardImplInterface.h>
#include <torch/library.h>

#include <atomic>
#include <cstdlib>
#include <cstring>

#include "tests/fakes/host_call.h"
#include "tests/fakes/host_graph.h"

namespace eta::tensor {
namespace {

using c10::Device;
using c10::Stream;

const Device kDevice(c10::kPrivateUse1, 0);

// --- Memory
// -----------------------------------------------------------------------------------------

class Memory final : public c10::Allocator {
 public:
  c10::DataPtr allocate(size_t bytes) override {
    constexpr size_t kAlignment = 512;
    if (bytes == 0) return {nullptr, nullptr, &std::free, kDevice};
    const size_t whole = (bytes + kAlignment - 1) / kAlignment * kAlignment;
    void* const data = std::aligned_alloc(kAlignment, whole);
    if (data == nullptr) throw std::bad_alloc();
    std::memset(data, 0xFF, whole);
    return {data, data, &std::free, kDevice};
  }
  c10::DeleterFnPtr raw_deleter() const override { return &std::free; }
  void copy_data(void* to, const void* from, size_t bytes) const override {
    std::memcpy(to, from, bytes);
  }
};

Memory memory;
REGISTER_ALLOCATOR(c10::kPrivateUse1, &memory)

// --- Streams
// ----------------------------------------------------------------------------------------

constinit thread_local c10::StreamId current_stream = 0;

class Guard final : public c10::impl::DeviceGuardImplInterface {
 public:
  c10::DeviceType type() const override { return c10::kPrivateUse1; }
  Device exchangeDevice(Device) const override { return kDevice; }
  Device getDevice() const override { return kDevice; }
  void setDevice(Device) const override {}
  void uncheckedSetDevice(Device) const noexcept override {}
  c10::DeviceIndex deviceCount() const noexcept override { return 1; }

  Stream getStream(Device) const override {
    return Stream(Stream::UNSAFE, kDevice, current_stream);
  }
  Stream getDefaultStream(Device) const override { return Stream(Stream::DEFAULT, kDevice); }
  Stream getStreamFromGlobalPool(Device, bool) const override {
    static std::atomic<c10::StreamId> last{0};
    return Stream(Stream::UNSAFE, kDevice, ++last);
  }
  Stream exchangeStream(Stream stream) const override {
    const Stream before = getStream(kDevice);
    current_stream = stream.id();
    return before;
  }
  bool queryStream(const Stream&) const override { return true; }
  void synchronizeStream(const Stream&) const override {}
  void record(void**, const Stream&, c10::DeviceIndex, c10::EventFlag) const override {}
  void block(void*, const Stream&) const override {}
  bool queryEvent(void*) const override { return true; }
};

C10_REGISTER_GUARD_IMPL(PrivateUse1, Guard)

// --- Random numbers
// ---------------------------------------------------------------------------------

class Hooks final : public at::PrivateUse1HooksInterface {
 public:
  bool isBuilt() const override { return true; }
  bool isAvailable() const override { return true; }
  bool hasPrimaryContext(c10::DeviceIndex) const override { return true; }
  c10::DeviceIndex deviceCount() const override { return 1; }
  c10::DeviceIndex getCurrentDevice() const override { return 0; }
  at::Generator getNewGenerator(c10::DeviceIndex) const override { return NewHostGenerator(); }
  const at::Generator& getDefaultGenerator(c10::DeviceIndex) const override {
    static const at::Generator generator = NewHostGenerator();
    return generator;
  }
};

[[maybe_unused]] const bool hooks_are_there = [] {
  c10::register_privateuse1_backend("host");
  at::RegisterPrivateUse1HooksInterface(new Hooks);
  return true;
}();

// --- Operations
// -------------------------------------------------------------------------------------

std::atomic<int64_t> kernels_run{0};

void Run(const c10::OperatorHandle& op, torch::jit::Stack* stack) {
  const at::AutoDispatchBelowADInplaceOrView below_autograd;
  const bool views = MakesViews(op.schema());
  if (!views && HostTape::Current() != nullptr) return HostTape::Current()->Record(op, stack);
  if (!views) ++kernels_run;
  HostCall call(op);
  call.ToHost(stack);
  op.callBoxed(stack);
  call.ToDevice(stack);
}

Tensor EmptyStrided(at::IntArrayRef sizes, at::IntArrayRef strides,
                    std::optional<at::ScalarType> dtype, std::optional<at::Layout>,
                    std::optional<Device>, std::optional<bool>) {
  const Tensor made = NewHostTensor(sizes, strides, dtype.value_or(at::kFloat));
  if (HostTape* const tape = HostTape::Current()) tape->KeepMemory(made);
  return made;
}

Tensor Empty(at::IntArrayRef sizes, std::optional<at::ScalarType> dtype, std::optional<at::Layout>,
             std::optional<Device>, std::optional<bool>, std::optional<at::MemoryFormat> format) {
  const Tensor like = at::empty(sizes, at::TensorOptions().dtype(dtype).device(at::kMeta), format);
  return EmptyStrided(sizes, like.strides(), dtype, {}, {}, {});
}

TORCH_LIBRARY_IMPL(_, PrivateUse1, library) {
  library.fallback(torch::CppFunction::makeFromBoxedFunction<&Run>());
}

// libtorch has forms of these for all devices, which would look for more of a device than it has.
TORCH_LIBRARY_IMPL(aten, PrivateUse1, library) {
  library.impl("empty.memory_format", Empty);
  library.impl("empty_strided", EmptyStrided);
  library.impl("copy_", torch::CppFunction::makeFromBoxedFunction<&Run>());
}

}  // namespace

int64_t HostAccelerator::kernels() { return kernels_run; }

}  // namespace eta::tensor
