#include "parallel/training/torch_device.h"

#include <ATen/core/Tensor.h>
#include <ATen/ops/empty.h>
#include <c10/core/Event.h>
#include <c10/core/StreamGuard.h>
#include <c10/core/impl/VirtualGuardImpl.h>

#include <utility>

#include "parallel/training/device_arithmetic.h"
#include "torch/device.h"

namespace eta::parallel {
namespace {

// What libtorch throws becomes a status.
template <class F>
Status Guarded(const F& f) {
  try {
    f();
    return {};
  } catch (const std::exception& e) {
    return {Code::kPeerFailed, std::string("the device failed: ") + e.what(), -1};
  }
}

template <class T, class F>
Result<T> GuardedResult(const F& f) {
  T value{};
  Status status = Guarded([&] { value = f(); });
  if (!status.ok()) return Unexpected(std::move(status));
  return value;
}

class TorchStream final : public DeviceStream {
 public:
  explicit TorchStream(c10::Stream torch_stream)
      : stream(torch_stream), native_(torch_stream.native_handle()) {}
  void* native() const override { return native_; }

  const c10::Stream stream;

 private:
  void* const native_;
};

const c10::Stream& StreamOf(const DeviceStream& stream) {
  return static_cast<const TorchStream&>(stream).stream;
}

class TorchEvent final : public DeviceEvent {
 public:
  explicit TorchEvent(c10::DeviceType type) : event_(type) {}
  Status Record(DeviceStream& stream) override {
    return Guarded([&] { event_.record(StreamOf(stream)); });
  }
  Status Block(DeviceStream& stream) override {
    return Guarded([&] { event_.block(StreamOf(stream)); });
  }
  Result<bool> Passed() override {
    return GuardedResult<bool>([&] { return event_.query(); });
  }

 private:
  c10::Event event_;
};

// The caching allocator hands memory that was given up out again in the order of the stream on
// which it was made.
class TorchMemory final : public DeviceMemory {
 public:
  explicit TorchMemory(at::Tensor bytes) : bytes_(std::move(bytes)) {}
  void* data() const override { return bytes_.data_ptr(); }

 private:
  const at::Tensor bytes_;
};

class TorchDeviceOps final : public DeviceOps {
 public:
  Status Use(Device device) override {
    return Guarded([&] { GuardOf(device).setDevice(ToTorch(device)); });
  }
  Result<std::unique_ptr<DeviceStream>> MakeStream(Device device) override {
    return GuardedResult<std::unique_ptr<DeviceStream>>([&] {
      return std::make_unique<TorchStream>(
          GuardOf(device).getStreamFromGlobalPool(ToTorch(device), /*isHighPriority=*/true));
    });
  }
  Result<std::unique_ptr<DeviceEvent>> MakeEvent(Device device) override {
    return GuardedResult<std::unique_ptr<DeviceEvent>>(
        [&] { return std::make_unique<TorchEvent>(ToTorch(device).type()); });
  }
  Result<std::unique_ptr<DeviceMemory>> MakeMemory(Device device, size_t bytes,
                                                   DeviceStream& stream) override {
    return GuardedResult<std::unique_ptr<DeviceMemory>>([&] {
      const c10::StreamGuard guard(StreamOf(stream));
      const auto options = at::TensorOptions().dtype(at::kByte).device(ToTorch(device));
      return std::make_unique<TorchMemory>(at::empty({static_cast<int64_t>(bytes)}, options));
    });
  }
  Status Divide(const Buffer& buffer, int divisor, DeviceStream& stream) override {
    return On(stream, [&] { DivideElements(buffer, divisor); });
  }
  Status Copy(const Buffer& to, const Buffer& from, DeviceStream& stream) override {
    return On(stream, [&] { CopyElements(to, from); });
  }
  Status Reduce(const Buffer& output, std::span<const Buffer> inputs, ReduceOp op,
                DeviceStream& stream) override {
    return On(stream, [&] { ReduceElements(output, inputs, op); });
  }

 private:
  template <class F>
  static Status On(DeviceStream& stream, const F& f) {
    return Guarded([&] {
      const c10::StreamGuard guard(StreamOf(stream));
      f();
    });
  }
  static c10::impl::VirtualGuardImpl GuardOf(Device device) {
    return c10::impl::VirtualGuardImpl(ToTorch(device).type());
  }
};

}  // namespace

std::unique_ptr<DeviceStream> CurrentStream(c10::Device device) {
  if (device.is_cpu()) return nullptr;
  return std::make_unique<TorchStream>(
      c10::impl::VirtualGuardImpl(device.type()).getStream(device));
}

std::shared_ptr<DeviceOps> MakeTorchDeviceOps() {
  return tensor::GpuCount() > 0 ? std::make_shared<TorchDeviceOps>() : nullptr;
}

}  // namespace eta::parallel

extern "C" void eta_make_device_ops(std::shared_ptr<eta::parallel::DeviceOps>* ops) {
  *ops = eta::parallel::MakeTorchDeviceOps();
}
