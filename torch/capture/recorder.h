// Recorder: makes a trace of what a thread runs.
//
//   Recorder recorder(device);
//   recorder.AddFixed(weight); recorder.AddBatch(input);
//   { const Recorder::Scope scope(recorder);  loss = ...; }
//   recorder.Pause();
//   { const Recorder::Scope scope(recorder);  loss.backward(); }
//   Trace trace = recorder.Take();
//
// Nothing about the run itself changes. It stands on a dispatch key that libtorch leaves to others,
// right below those of autograd, switched on for one thread: threads that record nothing pay
// nothing.
#pragma once

#include <c10/core/impl/LocalDispatchKeySet.h>
#include <c10/util/FunctionRef.h>

#include <optional>
#include <unordered_map>
#include <unordered_set>

#include "torch/capture/trace.h"
#include "torch/running_operation.h"

namespace eta::tensor {

// Thread safety: the thread that made it.
class Recorder {
 public:
  // Of what runs on `device`.
  explicit Recorder(c10::Device device = c10::kCPU) { trace_.device = device; }

  // While in scope operations of this thread are recorded, by no other one.
  class Scope {
   public:
    explicit Scope(Recorder& recorder);
    ~Scope();
    Scope(const Scope&) = delete;
    Scope& operator=(const Scope&) = delete;

   private:
    Recorder* const outer_;
    const c10::impl::IncludeDispatchKeyGuard on_;
  };

  // Memory that operations may use though none of them made it. Any other is a problem. They write
  // to the state only, which whoever tries the trace restores.
  void AddFixed(const Tensor& tensor);
  void AddState(const Tensor& tensor);
  void AddBatch(const Tensor& tensor);
  // What `make` gives, a tensor of numbers of the program. To the recorder of the thread, if there
  // is one, it was there before.
  static Tensor MakeConstant(c10::function_ref<Tensor()> make);

  // The generator that random operations may draw from.
  void AllowDraws(at::Generator generator) { generator_ = std::move(generator); }

  // The first part ends here.
  void Pause() { trace_.pause = trace_.ops.size(); }
  // Where `tensor` lies; kNoTensor if that is not known.
  size_t Find(const Tensor& tensor);
  // Whether it lies in memory that was added, or that an operation made.
  bool Knows(const Tensor& tensor) const;
  const std::string& problem() const { return trace_.problem; }
  size_t reads() const { return trace_.reads.size(); }
  size_t read(size_t index) const { return trace_.reads[index]; }
  // Makes the trace one that cannot be repeated, unless it is one already.
  void Object(std::string problem);
  Trace Take() { return std::move(trace_); }

  // What the dispatcher calls.
  static void Run(const c10::OperatorHandle& op, c10::DispatchKeySet keys,
                  torch::jit::Stack* stack);

 private:
  bool HasPlainMemory(const Tensor& tensor) const;
  void ObjectToMemory();
  void AddRegion(TraceRegion::Origin origin, const Tensor& tensor, bool whole);
  void NoteCall(const c10::OperatorHandle& op, const torch::jit::Stack& stack);
  TraceArgument NoteArgument(const c10::IValue& value);
  void NoteResults(const torch::jit::Stack& stack);
  void NoteResult(const Tensor& tensor, bool* made_any);
  std::string_view Caller() const;
  size_t FindOutside(const Tensor& tensor);
  void CheckMemory(const TraceOp& call);
  void CheckTags(const TraceOp& call);
  void CheckWrites(const TraceOp& call);
  bool NoteRead(const TraceOp& call);

  Trace trace_;
  std::unordered_map<const c10::StorageImpl*, size_t> region_of_;
  std::vector<std::vector<size_t>> tensors_in_;  // by region
  std::unordered_set<size_t> blank_;             // regions that nothing has been written to
  std::unordered_set<size_t> state_;             // regions that may be written to
  std::optional<at::Generator> generator_;
  const std::string_view maker_ = RunningOperation::Name();
  bool read_ = false;  // the operation that runs reads a number
};

}  // namespace eta::tensor
