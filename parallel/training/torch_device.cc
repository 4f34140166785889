#include "parallel/training/torch_device.h"

#include <ATen/core/Tensor.h>
#include <ATen/ops/from_blob.h>
#include <c10/core/Event.h>
#include <c10/core/StreamGuard.h>
#include <c10/core/impl/VirtualGuardImpl.h>

#include <utility>

#include "parallel/training/dtypes.h"
#include "torch/device.h"

namespace eta::parallel {
namespace {

c10::Device ToTorch(Device device) {
  const auto type = device.kind == Device::Kind::kCpu ? c10::kCPU : c10::kCUDA;
  return {type, static_cast<c10::DeviceIndex>(device.index)};
}

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
  Status Divide(const Buffer& buffer, int divisor, DeviceStream& stream) override {
    return Guarded([&] {
      const c10::StreamGuard guard(StreamOf(stream));
      const auto options =
          at::TensorOptions().dtype(ScalarTypeOf(buffer.dtype)).device(ToTorch(buffer.device));
      at::from_blob(buffer.data, {static_cast<int64_t>(buffer.count)}, options).div_(divisor);
    });
  }

 private:
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
