// CUDA graphs, by libtorch's own class for them: it keeps the caching allocator and the generators
// informed. In a library of its own, since it needs libtorch_cuda.so, which not every machine has.
#include "torch/capture/device_graph.h"

#if __has_include(<cuda_runtime_api.h>) && __has_include(<ATen/cuda/CUDAGraph.h>)

#include <ATen/core/CachingHostAllocator.h>
#include <ATen/cuda/CUDAGeneratorImpl.h>
#include <ATen/cuda/CUDAGraph.h>
#include <c10/core/Event.h>
#include <c10/core/StreamGuard.h>
#include <c10/cuda/CUDACachingAllocator.h>
#include <c10/cuda/CUDAStream.h>

#include <array>
#include <optional>
#include <utility>

namespace eta::tensor {
namespace {

// The calling thread's stream for captures: libraries have workspaces for each thread and stream.
// It must not be the default one.
c10::Stream CaptureStream(c10::Device device) {
  thread_local std::array<std::optional<c10::Stream>, C10_COMPILE_TIME_MAX_GPUS> streams;
  auto& stream = streams.at(static_cast<size_t>(device.index()));
  if (!stream) stream = c10::cuda::getStreamFromPool(/*isHighPriority=*/false, device.index());
  return *stream;
}

void Wait(const c10::Stream& stream, const c10::Stream& for_stream) {
  c10::Event event(c10::kCUDA);
  event.record(for_stream);
  event.block(stream);
}

template <class F>
void IgnoreErrors(const F& f) noexcept {
  try {
    f();
  } catch (const std::exception&) {
  }
}

class CudaGraph final : public DeviceGraph, private at::cuda::CUDAGraph {
 public:
  CudaGraph(c10::Device device, c10::MempoolId_t pool) : device_(device), pool_(pool) {}
  ~CudaGraph() override {
    if (launched_on_) IgnoreErrors([&] { launched_on_->synchronize(); });
  }

  // Other threads may do as they like meanwhile.
  void Capture(const at::Generator& generator, c10::function_ref<void()> enqueue) override {
    const c10::StreamGuard guard(CaptureStream(device_));
    register_generator_state(generator);
    try {
      capture_begin(pool_, cudaStreamCaptureModeThreadLocal);
      enqueue();
      capture_end();
    } catch (...) {
      Abandon();
      throw;
    }
  }
  void Launch() override {
    replay();
    launched_on_ = c10::cuda::getCurrentCUDAStream(device_.index());
  }

 private:
  // libtorch does not end a capture that has failed: the stream, the allocators and the generator
  // would wait for its end.
  void Abandon() noexcept {
    const cudaStream_t stream = c10::cuda::CUDAStream(CaptureStream(device_)).stream();
    cudaGraph_t rest = nullptr;
    (void)cudaStreamEndCapture(stream, &rest);
    if (rest != nullptr) (void)cudaGraphDestroy(rest);
    (void)cudaGetLastError();
    IgnoreErrors([&] {
      c10::cuda::CUDACachingAllocator::endAllocateToPool(device_.index(), mempool_id_);
      c10::cuda::CUDACachingAllocator::releasePool(device_.index(), mempool_id_);
    });
    IgnoreErrors([&] {
      at::getHostAllocator(at::kCUDA)->end_allocate_to_pool(mempool_id_);
      at::getHostAllocator(at::kCUDA)->release_pool(mempool_id_);
    });
    for (const auto& [state, increment] : captured_generator_states_) state->capturing_ = false;
  }

  const c10::Device device_;
  const c10::MempoolId_t pool_;
  std::optional<c10::Stream> launched_on_;
};

class CudaGraphs final : public DeviceGraphs {
 public:
  explicit CudaGraphs(c10::Device device) : device_(device), pool_(at::cuda::graph_pool_handle()) {}

  void WarmUp(c10::function_ref<void()> enqueue) override {
    const c10::Stream own = c10::cuda::getCurrentCUDAStream(device_.index());
    const c10::Stream stream = CaptureStream(device_);
    Wait(stream, own);
    {
      const c10::StreamGuard guard(stream);
      enqueue();
    }
    Wait(own, stream);
  }
  std::unique_ptr<DeviceGraph> Make() override {
    return std::make_unique<CudaGraph>(device_, pool_);
  }

 private:
  const c10::Device device_;
  const c10::MempoolId_t pool_;
};

}  // namespace
}  // namespace eta::tensor

// The entry point, looked up by name. REQUIRES: libtorch_cuda.so has been loaded for all to see.
extern "C" std::unique_ptr<eta::tensor::DeviceGraphs> eta_make_cuda_graphs(c10::Device device) {
  return std::make_unique<eta::tensor::CudaGraphs>(device);
}

#else

extern "C" std::unique_ptr<eta::tensor::DeviceGraphs> eta_make_cuda_graphs(c10::Device) {
  TORCH_CHECK(false, "built without the headers of CUDA's runtime");
}

#endif
