// The part of a training step that one rank does by itself: reading the arguments, the forward
// pass, the loss, the backward pass.
#pragma once

#include <memory>

#include "parallel/training/gradient_listener.h"
#include "torch/call.h"
#include "torch/capture/captured_steps.h"
#include "torch/module.h"
#include "torch/optimizer.h"

namespace eta::parallel {

// What (train-step! model optimizer loss-fn input target) was given. References into the arguments,
// which are rooted, except for the tensors, which may have been cut to the rank's rows.
struct StepArguments {
  const std::shared_ptr<tensor::Module>* model;
  const std::shared_ptr<tensor::Optimizer>* optimizer;
  Value loss_function;
  tensor::Tensor input, target;
};

// The arguments, or null after starting an error.
bool ReadStepArguments(tensor::Call& call, StepArguments* arguments);

// The loss of some rows, in a form that adds up over ranks: the mean over all rows is the sum of
// the numerators over the sum of the denominators.
struct LocalLoss {
  tensor::Tensor root;     // one element; where the backward pass starts, if there is no replay
  bool unread = false;     // `root` is on a device, and nobody has waited for it yet
  double value = 0;        // of `root`, unless it is unread
  double scale = 0;        // the numerator is value * scale
  double denominator = 0;  // rows, elements or valid targets
  bool adds = false;       // a sum, not a mean: the values of all ranks are added up

  tensor::Replay replay;                             // of the step, or null
  std::unique_ptr<tensor::StepRecording> recording;  // likewise
  std::shared_ptr<tensor::StepKind> kind;            // of the step, if it is recorded

  // Waits for the value. Throws what libtorch throws.
  void Read();
  double numerator() const { return value * scale; }
  tensor::LossSums sums() const { return {numerator(), denominator, adds}; }
  // Of these rows alone.
  double mean() const { return scale == denominator ? value : numerator() / denominator; }
};

// The forward pass and the loss, with random numbers from the rank's own stream. A loss of the
// library knows how it adds up; what else a procedure returns counts as the mean over the rows.
// Returns Failure when an error has been started; throws what libtorch throws.
Value ComputeLoss(tensor::Call& call, const StepArguments& arguments, LocalLoss* loss);

// Adds to the optimizer's gradients those of the loss's value, times `seed`. A replay tells who
// listens at `news`, unless that is null, as autograd does by itself. Throws what libtorch throws.
void Backward(const LocalLoss& loss, double seed, tensor::TensorContext& context,
              tensor::Optimizer& optimizer, const GradientNews* news = nullptr);

// Makes the gradients those of the mean over these rows and those that were accumulated before, and
// counts these rows in. Reads the loss when all is enqueued. Throws what libtorch throws. REQUIRES:
// the denominators' sum is not 0.
void Accumulate(LocalLoss& loss, tensor::TensorContext& context, tensor::Optimizer* optimizer,
                const GradientNews* news = nullptr);

// The same for a rank of a world whose model meets the other ranks in its forward pass: it is run
// without rows too, and `root` is there even where nothing counts (a seed of 0 then gives the
// gradients of nothing, in step with the others).
Value ComputeLossTogether(tensor::Call& call, const StepArguments& arguments, LocalLoss* loss);

// Whether a training step of these arguments only adds to the gradients: inside no-sync, or because
// the optimizer waits for more batches.
bool GathersOnly(const Vm& vm, Args args);

}  // namespace eta::parallel
