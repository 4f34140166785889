// Plan: a trace made ready to be run again and again. Views are tensors that exist once and cost
// nothing; results lie in one block of memory, in which what is needed at different times shares
// places; what nobody uses is left out. The operations are libtorch's own kernels, called below
// autograd and without looking for them, so a run gives the bits that the recorded code would give;
// or ours, of which some round otherwise (torch/capture/direct_call.h).
//
//   plan->SetBatch(0, input);
//   plan->RunFirst(generator);     // up to Recorder::Pause
//   ... plan->tensor(loss) ...
//   plan->RunSecond(generator);    // or with a procedure that hears when a tensor is final
//   ... plan->gift(0) ...
//   plan->Release();
#pragma once

#include <ATen/core/Generator.h>
#include <ATen/core/stack.h>
#include <c10/util/FunctionRef.h>

#include <functional>
#include <memory>
#include <span>

#include "torch/capture/plan_graphs.h"
#include "torch/capture/trace.h"

namespace eta::tensor {

// The tensors in a region whose memory is another one from run to run.
class MovingTensors {
 public:
  // `offset` in bytes, from the region's begin.
  void Add(const Tensor& tensor, int64_t offset) { tensors_.push_back({tensor, offset}); }
  void MoveTo(const c10::Storage& storage, int64_t begin) const;
  size_t count() const { return tensors_.size(); }

 private:
  struct Entry {
    Tensor tensor;
    int64_t offset;
  };
  std::vector<Entry> tensors_;
};

// How a plan runs the operations of a trace.
enum class PlanForm {
  kFused,     // some as one, as torch/capture/fusion.h and first_write.h say, and called as follows
  kDirect,    // as torch/capture/direct_call.h says, where that is possible
  kWritten,   // by libtorch's kernels alone, some as one as torch/capture/first_write.h says
  kLibtorch,  // by libtorch's kernels alone
};

// Those to try on a device, the fastest first: the kernels that are ours are the CPU's.
std::span<const PlanForm> PlanFormsFor(c10::Device device);

// A result that may be kept, by whoever and as long as he likes: before the next run it moves to
// other memory if anybody still has it.
struct Gift {
  Tensor tensor;
  Tensor flat;  // the same with one axis; undefined if it is not contiguous
};

// Thread safety: one thread at a time. It keeps the fixed memory alive.
class Plan {
 public:
  // `kept` are tensors of the trace that may be looked at after a run until the next, as its
  // `reads`; `given` those that become gifts, each in a region of its own that the trace made;
  // `announced` those of which RunSecond tells; `zeros` those that are zero when that begins.
  // REQUIRES: the trace has no problem; the form is one for its device. Throws what libtorch
  // throws.
  Plan(const Trace& trace, const std::vector<size_t>& kept, const std::vector<size_t>& given = {},
       PlanForm form = PlanForm::kFused, const std::vector<size_t>& announced = {},
       const std::vector<size_t>& zeros = {});
  Plan(const Plan&) = delete;
  Plan& operator=(const Plan&) = delete;

  // From now on runs become graphs of the device, where it has them and that can be.
  void UseGraphs() { graphs_ = std::make_unique<PlanGraphs>(device()); }
  // Whether the present run consists of graphs.
  bool launches() const { return graphs_ != nullptr && graphs_->launches(); }
  // Null: they are not used.
  const PlanGraphs* graphs() const { return graphs_.get(); }

  // The tensor that stands for the `index`th AddBatch. REQUIRES: sizes, strides and dtype are those
  // of the recorded one.
  void SetBatch(size_t index, const Tensor& tensor);
  // Random operations draw from `generator`. Throw what libtorch throws; a run that threw may be
  // begun anew. The second part runs as backward passes do, with gradients not tracked.
  // From the first part on nobody but the plan may use what was given before.
  void RunFirst(const at::Generator& generator);
  void RunSecond(const at::Generator& generator);
  // The same; calls `final` with the index among the `announced` of each of these, as soon as no
  // operation that is still to come touches its memory; with graphs, of which each has at least
  // kStepsOfGraph operations, when its graph has been launched. What that throws comes out.
  static constexpr size_t kStepsOfGraph = 16;
  void RunSecond(const at::Generator& generator, c10::function_ref<void(size_t)> final);
  // After a run, also one that threw: batches are let go of, as are results that libtorch made.
  void Release();

  // What called the operation that threw last; see TraceOp::caller.
  std::string_view failed_caller() const { return failed_; }
  // Whether all tensors, after a run, are as the trace has them.
  bool Fits(const Trace& trace) const;

  // One of the trace that was kept or read.
  const Tensor& tensor(size_t index) const { return tensors_[index]; }
  // The `index`th of those given, from when it is final until Release.
  const Gift& gift(size_t index);
  // Whether the `index`th of the zeros may as well hold anything, as it is written first.
  bool writes_first(size_t index) const { return writes_first_[index]; }
  c10::Device device() const { return options_.device(); }
  size_t steps() const { return first_.size() + second_.size(); }
  // Those which round otherwise than libtorch's. If there are none, a run gives the recorded bits.
  size_t rounding_steps() const { return rounding_steps_; }
  // Of the block that the results share.
  int64_t block_bytes() const { return block_bytes_; }

 private:
  friend class PlanBuilder;
  using Action = std::function<void(Plan&, const at::Generator&)>;
  struct Step {
    Action action;
    std::string_view caller;  // TraceOp::caller
  };

  // Where a gift comes from.
  struct Giver {
    size_t tensor;
    int64_t bytes;
    const MovingTensors* region;
    bool is_made;  // by libtorch in each run; else the memory is there before
    Gift gift;

    bool IsKept() const;
  };

  // What is announced after so many steps of the second part.
  struct Moment {
    size_t steps;
    size_t announced;
  };

  void Run(std::span<const Step> steps, const at::Generator& generator);
  void RunSteps(std::span<const Step> steps, const at::Generator& generator);
  void CopyBatch(size_t index, const Tensor& tensor);
  void MakeRoom();
  void MakeRoom(Giver& giver);
  Gift Wrap(const Giver& giver) const;

  const at::TensorOptions options_;
  std::vector<Tensor> tensors_;  // by their number in the trace, and some more
  std::vector<std::unique_ptr<MovingTensors>> moving_, given_;
  std::vector<MovingTensors*> batch_;
  std::vector<Tensor> own_batch_;  // where graphs find it
  std::vector<Giver> gifts_;
  std::vector<bool> writes_first_;  // by zeros
  std::vector<Step> first_, second_;
  std::vector<Moment> moments_;
  std::string_view failed_;
  c10::Storage nothing_;
  int64_t block_bytes_ = 0;
  size_t rounding_steps_ = 0;
  torch::jit::Stack stack_;
  std::unique_ptr<PlanGraphs> graphs_;
};

}  // namespace eta::tensor
