#include "tests/fakes/host_device.h"

#include <cstring>
#include <deque>
#include <thread>
#include <utility>
#include <vector>

#include "base/mutex.h"
#include "parallel/core/reduce.h"
#include "parallel/core/reduce_blocks.h"

namespace eta::parallel {

struct HostStream::Queue {
  Mutex mu;
  CondVar changed;
  std::deque<std::function<void()>> tasks GUARDED_BY(mu);  // the first one may be running
  bool closed GUARDED_BY(mu) = false;
  std::thread thread;

  void RunAll() {
    MutexLock lock(mu);
    for (;;) {
      while (tasks.empty() && !closed) changed.Wait(mu);
      if (tasks.empty()) return;
      const std::function<void()> task = tasks.front();
      mu.Unlock();
      task();
      mu.Lock();
      tasks.pop_front();
    }
  }
};

HostStream::HostStream() : queue_(std::make_unique<Queue>()) {
  queue_->thread = std::thread([queue = queue_.get()] { queue->RunAll(); });
}

HostStream::~HostStream() {
  {
    MutexLock lock(queue_->mu);
    queue_->closed = true;
  }
  queue_->changed.NotifyAll();
  queue_->thread.join();
}

void HostStream::Enqueue(std::function<void()> task) {
  {
    MutexLock lock(queue_->mu);
    queue_->tasks.push_back(std::move(task));
  }
  queue_->changed.NotifyAll();
}

bool HostStream::Idle() const {
  MutexLock lock(queue_->mu);
  return queue_->tasks.empty();
}

namespace {

// A point of a stream: passed once the stream has come to it.
struct Mark {
  Mutex mu;
  CondVar changed;
  bool passed GUARDED_BY(mu) = false;

  void Pass() {
    {
      MutexLock lock(mu);
      passed = true;
    }
    changed.NotifyAll();
  }
  void Wait() {
    MutexLock lock(mu);
    while (!passed) changed.Wait(mu);
  }
  bool Passed() {
    MutexLock lock(mu);
    return passed;
  }
};

class HostEvent final : public DeviceEvent {
 public:
  Status Record(DeviceStream& stream) override {
    mark_ = std::make_shared<Mark>();
    static_cast<HostStream&>(stream).Enqueue([mark = mark_] { mark->Pass(); });
    return {};
  }
  Status Block(DeviceStream& stream) override {
    if (mark_) static_cast<HostStream&>(stream).Enqueue([mark = mark_] { mark->Wait(); });
    return {};
  }
  Result<bool> Passed() override { return mark_ == nullptr || mark_->Passed(); }

 private:
  std::shared_ptr<Mark> mark_;
};

class HostMemory final : public DeviceMemory {
 public:
  HostMemory(size_t bytes, HostStream& stream)
      : bytes_(std::make_shared<std::vector<std::byte>>(bytes)), stream_(stream) {}
  ~HostMemory() override {
    stream_.Enqueue([bytes = bytes_] {});
  }
  void* data() const override { return bytes_->data(); }

 private:
  const std::shared_ptr<std::vector<std::byte>> bytes_;
  HostStream& stream_;
};

void ReduceOnHost(const Buffer& output, const std::vector<Buffer>& inputs, ReduceOp op) {
  std::vector<const std::byte*> data, at;
  for (const Buffer& input : inputs) data.push_back(static_cast<const std::byte*>(input.data));
  ReduceInBlocks(output.dtype, op == ReduceOp::kMean ? ReduceOp::kSum : op, data, {0, output.count},
                 at, static_cast<std::byte*>(output.data));
}

class HostDeviceOps final : public DeviceOps {
 public:
  Status Use(Device) override { return {}; }
  Result<std::unique_ptr<DeviceStream>> MakeStream(Device) override {
    return std::unique_ptr<DeviceStream>(std::make_unique<HostStream>());
  }
  Result<std::unique_ptr<DeviceEvent>> MakeEvent(Device) override {
    return std::unique_ptr<DeviceEvent>(std::make_unique<HostEvent>());
  }
  Result<std::unique_ptr<DeviceMemory>> MakeMemory(Device, size_t bytes,
                                                   DeviceStream& stream) override {
    return std::unique_ptr<DeviceMemory>(
        std::make_unique<HostMemory>(bytes, static_cast<HostStream&>(stream)));
  }
  Status Divide(const Buffer& buffer, int divisor, DeviceStream& stream) override {
    return Enqueue(stream, [buffer, divisor] {
      parallel::Divide(buffer.dtype, buffer.data, buffer.count, divisor);
    });
  }
  Status Copy(const Buffer& to, const Buffer& from, DeviceStream& stream) override {
    return Enqueue(stream, [to, from] { std::memcpy(to.data, from.data, from.bytes()); });
  }
  Status Reduce(const Buffer& output, std::span<const Buffer> inputs, ReduceOp op,
                DeviceStream& stream) override {
    return Enqueue(stream, [output, op, inputs = std::vector(inputs.begin(), inputs.end())] {
      ReduceOnHost(output, inputs, op);
    });
  }

 private:
  static Status Enqueue(DeviceStream& stream, std::function<void()> task) {
    static_cast<HostStream&>(stream).Enqueue(std::move(task));
    return {};
  }
};

}  // namespace

std::shared_ptr<DeviceOps> MakeHostDeviceOps() { return std::make_shared<HostDeviceOps>(); }

}  // namespace eta::parallel
