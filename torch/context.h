// TensorContext: what the tensor operations of one isolate share: its random streams, devices,
// thread budget, memory account, and which parameters lie in an arena.
#pragma once

#include <ATen/core/Generator.h>
#include <ATen/core/Tensor.h>
#include <c10/core/Device.h>
#include <c10/core/ScalarType.h>
#include <c10/core/TensorOptions.h>

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>

#include "torch/bindings.h"
#include "torch/memory.h"
#include "vm/vm.h"

namespace eta::tensor {

using at::Tensor;

class ArenaRegistry;
class LossNotes;
class Optimizer;

// The dtype of tensors created without one: a setting of the process, as it is libtorch's.
// Thread safety: any thread.
class DefaultDtype {
 public:
  // What a creation uses. From the first call on the setting is fixed.
  static at::ScalarType Use();
  static at::ScalarType Peek();
  // False: tensors of another default exist already. REQUIRES: a floating dtype.
  static bool Set(at::ScalarType dtype);
};

// Asked before `step!` applies gradients: a reason not to, or nothing. To be attached to the Vm (as
// a shared_ptr, under kStepGuard) by a world of several ranks, which refuses gradients that were
// not averaged.
using StepGuard = std::function<std::optional<std::string>(const Optimizer&)>;
inline constexpr const char* kStepGuard = "tensor.step-guard";

// Thread safety: the thread that runs the isolate. An isolate may change threads between
// operations, but is destroyed on the thread that ran it last, or after that thread ended.
class TensorContext {
 public:
  // The context of `vm`, made on first use from the TensorSettings attached to it.
  static TensorContext& Of(Vm& vm);

  TensorContext(Vm& vm, TensorSettings settings);
  ~TensorContext();
  TensorContext(const TensorContext&) = delete;
  TensorContext& operator=(const TensorContext&) = delete;

  // Makes this the context of the calling thread: its memory account, thread budget, autograd on
  // the calling thread. Every operation does so first; it is cheap when nothing changed.
  void Bind();

  Vm& vm() const { return vm_; }
  const TensorSettings& settings() const { return settings_; }
  // The world has shrunk, and this is its rank's number from now on. Random streams go on.
  void SetRank(int rank, int world_size) {
    settings_.rank = rank;
    settings_.world_size = world_size;
  }
  // Where tensors are created.
  const c10::Device& device() const { return device_; }
  // For a creation function: the given dtype or else the default one, on device().
  c10::TensorOptions Options(std::optional<at::ScalarType> dtype) const;

  // --- Random streams ---------------------------------------------------------------------------
  // Every random operation draws from here, never from libtorch's default generators. The common
  // stream is equal on all ranks of a world; RankStream selects the rank's own.
  at::Generator& generator() { return generator(device_); }
  at::Generator& generator(c10::Device device);
  // Seeds all streams of this isolate.
  void Seed(uint64_t seed);
  // The rank's own stream goes on as number `number` of those that the seed gives: whoever takes
  // the same one draws the same.
  void SwitchRankStream(uint64_t number);

  // All of that, so that another run can go on with it.
  struct Streams {
    uint64_t seed = 0;
    uint64_t maps = 0;  // TensorSettings::maps
    // The state of the common generators and of the rank's own, by device ("cpu"); one that is not
    // there begins anew.
    std::map<std::string, Tensor> common, own;
  };
  Streams GetStreams() const;
  // What SetStreams takes. Throws c10::Error if a state is not one of this device.
  struct ReadyStreams {
    uint64_t seed = 0, maps = 0;
    std::unordered_map<c10::Device, at::Generator> generators[2];
  };
  ReadyStreams MakeReady(const Streams& streams) const;
  void SetStreams(ReadyStreams streams);

  // --- Training ----------------------------------------------------------------------------------
  const std::shared_ptr<ArenaRegistry>& arenas() const { return arenas_; }
  LossNotes* loss_notes = nullptr;  // where losses are noted, if anywhere (torch/loss.h)

 private:
  friend class RankStream;
  enum Stream { kCommon, kRank };
  void NoteSeed(uint64_t seed);

  Vm& vm_;
  const uint64_t id_;  // never reused, unlike an address
  TensorSettings settings_;
  c10::Device device_;
  uint64_t seed_;
  uint64_t rank_stream_;  // its number
  Stream stream_ = kCommon;
  std::unordered_map<c10::Device, at::Generator> generators_[2];  // by stream
  std::shared_ptr<ArenaRegistry> arenas_;
  MemoryAccount* account_;  // lives as long as the heap
};

// While in scope random operations draw from the rank's own stream: dropout masks must differ
// between the ranks of a world. A program that runs alone draws everything from one generator.
class RankStream {
 public:
  explicit RankStream(TensorContext& context) : context_(context), before_(context.stream_) {
    const TensorSettings& settings = context.settings();
    if (settings.world_size > 1 || settings.shards > 0) context.stream_ = TensorContext::kRank;
  }
  ~RankStream() { context_.stream_ = before_; }
  RankStream(const RankStream&) = delete;
  RankStream& operator=(const RankStream&) = delete;

 private:
  TensorContext& context_;
  TensorContext::Stream before_;
};

}  // namespace eta::tensor
