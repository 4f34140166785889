// StepWatch: sees to it that procedures of the program, as losses and in modules, do nothing while
// they are recorded that a replay would leave out, and tells the recorder which tensors of the
// program they use.
#pragma once

#include <string>
#include <vector>

#include "torch/capture/recorder.h"
#include "torch/module.h"
#include "vm/watch.h"

namespace eta::tensor {

// What a plan takes for granted of the program. Whoever keeps one has it traced. Thread safety: the
// isolate's thread.
class ProgramFacts {
 public:
  ProgramFacts() = default;
  ProgramFacts(Value loss, Readings readings) : loss_(loss), readings_(std::move(readings)) {}

  // Whether a step with this loss, which has the form of the recorded one, would do the same.
  // Allocates nothing.
  bool Hold(Vm& vm, Value loss) const { return CapturedTheSame(loss) && readings_.Hold(vm); }
  // What is another than it was.
  std::string Change(Vm& vm, Value loss) const;
  void Trace(Marker& marker) const;

 private:
  bool CapturedTheSame(Value loss) const;

  Value loss_;
  Readings readings_;
};

// Lives for one recorded step. Thread safety: the isolate's thread.
class StepWatch {
 public:
  StepWatch(Vm& vm, const Module& model, Recorder& recorder);

  Watch& watch() { return watch_; }
  // Tensors that are not the model's; nobody trains them.
  const std::vector<Tensor>& constants() const { return constants_; }

 private:
  std::string Judge(const NativeDef& native, Args args);
  std::string JudgeArgument(Value v);
  std::string UseTensor(const Tensor& tensor);

  const Module& model_;
  Recorder& recorder_;
  std::vector<Tensor> constants_;
  Watch watch_;
};

// Whether CopyApart gives a tensor of the same strides.
bool CanCopyApart(const Tensor& tensor);
// The same numbers in memory that nobody else knows. What is another tensor in each run is recorded
// with one: the program might know the tensor that it gave by other names, by which it is the same
// in each run.
Tensor CopyApart(const Tensor& tensor);

}  // namespace eta::tensor
