// (average-gradients! model [denominator]): for training loops written by hand, between `backward`
// and `step!`.
#include <algorithm>
#include <cmath>
#include <optional>

#include "parallel/isolate/no_sync.h"
#include "parallel/training/farewell.h"
#include "parallel/training/flat_gradients.h"
#include "parallel/training/gather_state.h"
#include "parallel/training/hash.h"
#include "parallel/training/meeting.h"
#include "parallel/training/replica_training.h"
#include "parallel/training/segment_exchange.h"
#include "parallel/training/slice_owner.h"
#include "torch/marshal.h"
#include "torch/op_table.h"

namespace eta::parallel {
namespace {

using tensor::Arg;
using tensor::Call;

constexpr tensor::OpInfo kAverageGradients{"parallel/average-gradients!", ""};

struct Arguments {
  const std::shared_ptr<tensor::Module>* model;
  std::optional<double> denominator;
};

// Throws c10::Error if an argument does not fit.
Arguments ReadArguments(Call& call) {
  Arg<std::shared_ptr<tensor::Module>> model;
  Arg<double> denominator;
  TORCH_CHECK(model.Read(call.args()[0]), "model: ", model.kExpected);
  if (call.args().size() == 1) return {&model.get(), std::nullopt};
  TORCH_CHECK(denominator.Read(call.args()[1]) && denominator.get() >= 0 &&
                  std::isfinite(denominator.get()),
              "denominator: non-negative number required");
  return {&model.get(), denominator.get()};
}

// One call of it by all ranks. The average weighs each rank's gradients with its denominator; by
// default all ranks that have gradients weigh the same.
//
// Thread safety: the isolate's thread.
class Averaging {
 public:
  Averaging(Vm& vm, ReplicaTraining& training, Args args)
      : vm_(vm), args_(args), training_(training), meeting_(vm, training, kAverageGradients, args) {
    meeting_.mine().step = training.steps;
  }

  Value Run() {
    const bool agreed = meeting_.Try([&](Call& call) { return Begin(call); }) && AgreeOnWeights();
    if (!agreed) return Value::Failure();
    if (total_ > 0 && !Average()) return Value::Failure();
    // Each rank is about to step by itself, and so needs the whole state of its optimizers.
    if (!GatherStates(meeting_, training_, sliced_)) return Value::Failure();
    return EndTogether(meeting_, training_, Value::Nil());
  }

 private:
  Value Begin(Call& call) {
    const Arguments arguments = ReadArguments(call);
    place_ = ExchangePlace::Of(call.vm());
    gradients_.emplace(**arguments.model, *call.context().arenas());
    memory_.mask = gradients_->mask();
    memory_.structure = gradients_->Structure();
    for (uint32_t number : SlicedHere(training_)) {
      auto optimizer = training_.Find(number)->optimizer.lock();
      if (!Covers(*optimizer)) continue;
      memory_.sliced.push_back(number);
      held_.push_back(std::move(optimizer));
    }
    meeting_.Open(&memory_);
    meeting_.mine().layout = HashOf(memory_.structure);
    meeting_.mine().loss.denominator = arguments.denominator.value_or(gradients_->HasAny() ? 1 : 0);
    return Value::Nil();
  }

  bool AgreeOnWeights() {
    if (!meeting_.Meet(StepRecord::Phase::kSettle)) return false;
    total_ = TotalLoss(meeting_.records()).denominator;
    mask_ = memory_.mask;
    for (const StepRecord& record : meeting_.records()) {
      for (size_t i = 0; i < mask_.size(); ++i) mask_[i] |= record.memory->mask[i];
    }
    sliced_ = SlicedEverywhere(meeting_.records());
    meeting_.Part();
    return true;
  }

  bool Average() {
    const bool gathered = meeting_.Try([&](Call&) {
      gradients_->Gather(mask_);
      if (place_.on_host()) memory_.segments = gradients_->Memory();
      return Value::Nil();
    });
    if (!gathered || !meeting_.Meet(StepRecord::Phase::kReduce)) return false;
    ComputeWeights(meeting_.records(), &training_.weights);
    if (!Sum()) return false;
    const auto scatter = [&](Call&) {
      gradients_->Scatter(mask_);
      for (size_t i = 0; i < mask_.size(); ++i) {
        if (mask_[i]) training_.reduced.Add(gradients_->parameters()[i].tensor);
      }
      return Value::Nil();
    };
    return !tensor::RunOperation(vm_, kAverageGradients, args_, scatter).IsFailure();
  }

  bool Sum() {
    Communicator& communicator = meeting_.member().communicator();
    if (communicator.SharesMemory()) {
      const SliceOwner slices = meeting_.slices();
      slices.SumGradients(training_.weights, &meeting_.member().log());
      meeting_.Sync();
      slices.CollectSums();
      meeting_.Part();
      return true;
    }
    meeting_.Part();
    const Exchange exchange{place_, communicator, training_.site.text(), meeting_.member().log()};
    const double weight = training_.weights[meeting_.member().rank()];
    return meeting_.Passed(SumTensors(gradients_->buffers(), weight, exchange));
  }

  // Whether it steps a parameter of the model.
  bool Covers(const tensor::Optimizer& optimizer) const {
    const auto& own = gradients_->parameters();
    return std::any_of(own.begin(), own.end(), [&](const auto& parameter) {
      const auto& stepped = optimizer.parameters();
      return std::any_of(stepped.begin(), stepped.end(),
                         [&](const auto& other) { return other.tensor.is_same(parameter.tensor); });
    });
  }

  Vm& vm_;
  const Args args_;
  ReplicaTraining& training_;
  Meeting meeting_;
  StepMemory memory_;
  ExchangePlace place_;
  std::optional<FlatGradients> gradients_;
  std::vector<std::shared_ptr<tensor::Optimizer>> held_;  // those in memory_.sliced
  std::vector<uint32_t> sliced_;                          // the same on all ranks
  tensor::Optimizer::Mask mask_;  // parameters that have a gradient on some rank
  double total_ = 0;              // of the denominators
};

Value AverageGradients(Vm& vm, Args args) {
  ReplicaTraining* training = ReplicaTraining::Of(vm);
  if (training != nullptr && !NoSync::IsOn(vm)) {
    return Averaging(vm, *training, args).Run();
  }
  return tensor::RunOperation(vm, kAverageGradients, args, [](Call& call) {
    ReadArguments(call);
    return Value::Nil();
  });
}

constexpr NativeDef kOps[] = {
    {kAverageGradients.name, AverageGradients, 1, 2,
     "(average-gradients! model [denominator]): makes the gradients the mean of all ranks', "
     "weighted with their denominators"},
};

const tensor::OpTable table(kOps);

}  // namespace
}  // namespace eta::parallel
