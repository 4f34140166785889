// Optimizer: an update rule over the parameters of a module.
//
// Nothing happens to the parameters before the first step; then Prepare lays them out in an arena.
// A training step on one device:
//
//   optimizer.Prepare();
//   optimizer.ZeroGradients();
//   ... forward, backward ...
//   optimizer.Update(optimizer.TakeGradients());
//
// In a world of several ranks the last line becomes: reduce `segments()` between the ranks, combine
// the masks, BeginUpdate(mask), LimitGradients and UpdateRange on whatever part of each segment
// this rank owns. Layouts, and so segments and positions in them, are the same on ranks whose
// parameters agree; LayoutSignature tells.
//
// A parameter belongs to the arena of the first optimizer that steps it. Another optimizer over it
// has segments in that arena, with state of its own.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <vector>

#include "torch/arena.h"
#include "torch/buffer_undo.h"
#include "torch/clipping.h"
#include "torch/loss_scale.h"
#include "torch/loss_sums.h"
#include "torch/module.h"
#include "torch/update_rule.h"

namespace eta::tensor {

class CapturedSteps;

// Thread safety: the isolate's thread.
class Optimizer : private OwedGradients {
 public:
  // Consecutive elements of one arena block that this optimizer updates, padding included.
  struct Segment {
    std::shared_ptr<ParameterArena> arena;
    size_t block;
    int64_t begin, end;              // elements of the block
    std::vector<size_t> parameters;  // that lie in it, as indices of parameters()
    // 1-D, of [begin, end). The state is this optimizer's. The gradient of a large parameter is
    // there between TakeGradients and ZeroGradients.
    UpdateTensors tensors;
  };
  // One entry per parameter: whether it has a gradient.
  using Mask = std::vector<uint8_t>;

  // What may change from step to step. Ranks that share the work must have the same.
  struct Settings {
    double learning_rate;
    Clipping clipping = {};
    int64_t accumulate = 1;  // batches for one update
    bool compress = false;   // gradients travel between replicas as bfloat16
    bool capture = true;     // steps that repeat are replayed
    bool shard = false;      // replicas keep the state of their slices only, on every backend
  };
  // Some parameters of the module, which have a rule of their own.
  struct Group {
    std::vector<Tensor> parameters;
    std::shared_ptr<const UpdateRule> rule;
    double rate_scale = 1;  // their learning rate is so many times the optimizer's
  };

  // `rule` is for the parameters in no group. Throws c10::Error if a group has a parameter of
  // another group or another module.
  Optimizer(std::shared_ptr<Module> module, std::shared_ptr<const UpdateRule> rule,
            std::shared_ptr<ArenaRegistry> registry, const Settings& settings,
            std::vector<Group> groups = {});
  ~Optimizer() override;

  Settings settings;
  // What losses are multiplied with before the backward pass, which is undone in the update.
  LossScale loss_scale;
  const char* name() const { return groups_[0].rule->name(); }
  // What the rule of each group is, a line each.
  std::string RuleDescriptions() const;
  // The settings, the factor of the losses and what is frozen, likewise.
  std::string SettingsText() const;

  // A copy over a copy of the module, with its state and step counts, which is not laid out yet.
  // Throws what libtorch throws. REQUIRES: the state is not sliced.
  std::shared_ptr<Optimizer> Copy(Transfer& transfer) const;

  // What is known of the steps that were taken with it (torch/capture); null before the first.
  std::shared_ptr<CapturedSteps> captured;

  // Takes back what a training step with it did to the buffers of its model.
  BufferUndo buffers;

  // Whether this rank has the state of some elements only, as other ranks update the rest; then the
  // state of those is out of date. Whoever shares the work keeps this up to date.
  bool state_is_sliced = false;

  const std::shared_ptr<Module>& module() const { return module_; }
  const std::vector<NamedParameter>& parameters() const { return parameters_; }

  // Whether the module has the averages at the moment, and the state the parameters.
  bool averages_exchanged() const { return averages_exchanged_; }

  // Whether Prepare would find nothing to do.
  bool LayoutHolds() const;
  // Lays the parameters out, or does it anew when some were moved or replaced; state is kept.
  // Returns whether the layout changed. Cheap when it did not.
  bool Prepare();
  // Equal exactly when the settings and the names, shapes, dtypes and the layout of all parameters
  // are (but for hash collisions), and the same ones are frozen. Devices do not count. REQUIRES:
  // Prepare.
  uint64_t LayoutSignature() const;
  const std::vector<Segment>& segments() const { return segments_; }

  // Clears all gradients: they read as none until written. Before Prepare it drops them. Forgets
  // what was accumulated, but not how many batches have passed.
  void ZeroGradients();
  // The same, but the zeros themselves are owed (see ArenaRegistry): a pass that does not add to
  // gradients, but writes them, needs none.
  void ClearGradients();
  // Nobody will look at those zeros: what follows writes all gradients but the large ones, if not
  // other values then zeros.
  void ForgoZeros() { registry_->ForgiveGradients(this); }
  // Somebody is about to add to gradients without a look at them.
  void PayZeros() { registry_->PayGradients(); }

  // Training steps may gather the gradients of several batches before they update. Then the
  // gradients are those of the mean loss over all of these, and this is that loss.
  LossSums accumulated;
  // Training steps since the last update, of those that settings.accumulate counts.
  int64_t batches = 0;
  // Whether more are to come after the next one.
  bool GathersNext() const { return batches + 1 < settings.accumulate; }
  // What was accumulated has been used, or cannot be.
  void ForgetAccumulated() {
    accumulated = {};
    batches = 0;
  }
  // Multiplies the gradients. REQUIRES: TakeGradients since they were written.
  void ScaleGradients(double factor);

  // Where a parameter and its gradient lie. REQUIRES: Prepare.
  ArenaRegistry::Place PlaceOf(size_t parameter) const {
    return {homes_[parameter].arena.get(), homes_[parameter].entry};
  }

  // Which parameters have a gradient; from now on all those lie in the segments. What it returns
  // holds until the next call. REQUIRES: Prepare.
  const Mask& TakeGradients();
  // The same for one parameter, whether it has one. If it is large and has none, zeros lie there.
  bool TakeGradient(size_t parameter);

  // Starts the update of the parameters in `mask`: others are skipped, as if they did not exist.
  // REQUIRES: Prepare.
  void BeginUpdate(const Mask& mask);
  // The sum of the squares of that range of a segment's gradients. REQUIRES: TakeGradients.
  double SquaredGradients(size_t segment, int64_t begin, int64_t end) const;
  double SquaredGradients() const;  // of all segments
  // If gradients are clipped by norm: that sum over all segments, after BeginUpdate.
  void LimitGradients(double squares);
  // Updates elements [begin, end) of a segment (its index), counted from its start. In float32
  // and float64 on the CPU any partition gives the same bits. REQUIRES: BeginUpdate.
  void UpdateRange(size_t segment, int64_t begin, int64_t end);
  // The same of other tensors, which lie as the segment's do.
  void UpdateRange(size_t segment, const UpdateTensors& tensors, int64_t begin, int64_t end);
  // BeginUpdate and all ranges.
  void Update(const Mask& mask);

  // What it remembers, by parameter: the number of updates, and a tensor of the parameter's shape
  // for each state of its rule; undefined ones stand for zeros.
  struct State {
    std::vector<int64_t> steps;
    std::vector<std::array<Tensor, kMaxStates>> tensors;
  };
  // Shares memory with the optimizer. REQUIRES: the state is not sliced.
  State GetState() const;
  // How many states the rule of a parameter has.
  int StateCountOf(size_t parameter) const {
    return groups_[group_of_[parameter]].rule->state_count();
  }
  // Takes it over; forgets gradients. It must have the sizes and dtypes that GetState's has.
  void SetState(State state);

  bool has_average() const { return groups_[0].rule->average_state() >= 0; }
  // Exchanges the parameters that were updated with their averages. Called twice, all is as it
  // was; in between training steps throw c10::Error. REQUIRES: has_average, the state is not
  // sliced.
  void ExchangeAverages();

 private:
  // The rule of some parameters.
  struct GroupRule {
    std::shared_ptr<const UpdateRule> rule;
    double rate_scale;
  };

  // Elements of a segment whose parameters take part in this update and share a step count.
  struct Run {
    int64_t begin, end;
    int64_t step;
    size_t group;
  };

  // Where a parameter lies.
  struct Home {
    std::shared_ptr<ParameterArena> arena;
    size_t entry;
    size_t segment = 0;
    int64_t begin = 0, end = 0;  // elements of the segment, padding included
  };

  void Pay() override;  // the zeros
  void LayOut();
  std::shared_ptr<ParameterArena> MakeArena() const;
  std::vector<Home> FindHomes() const;
  std::vector<size_t> InMemoryOrder() const;
  void Extend(size_t parameter);
  void AllocateTensors(Segment* segment) const;
  void MoveState(const Segment& from, const Home& old_home, size_t parameter);
  void Sign();
  void DropGradients();
  std::array<Tensor, kMaxStates> StateOf(size_t parameter) const;
  void TakeInState();
  void AddToRuns(std::vector<Run>* runs, size_t parameter);
  void AssignGroup(size_t group, const std::vector<Tensor>& parameters);
  int StateCount() const;

  std::shared_ptr<Module> module_;
  std::vector<NamedParameter> parameters_;
  std::vector<GroupRule> groups_;
  std::vector<size_t> group_of_;  // per parameter
  std::shared_ptr<ArenaRegistry> registry_;
  std::vector<int64_t> steps_;  // updates so far, per parameter
  // Per parameter the state that a copy begins with, until it is laid out; or empty.
  std::vector<std::array<Tensor, kMaxStates>> first_state_;
  std::vector<Home> homes_;  // per parameter; empty before Prepare
  std::vector<Segment> segments_;
  std::vector<std::vector<Run>> runs_;  // of the current update, per segment
  Mask mask_;                           // of the last TakeGradients
  GradientLimits limits_;               // in the current update
  uint64_t signature_ = 0;
  bool averages_exchanged_ = false;  // in with-average
};

// Optimizers as values, printed #<optimizer>.
extern const ForeignType kOptimizerType;
Value WrapOptimizer(Vm& vm, std::shared_ptr<Optimizer> optimizer);
// The optimizer in `v`, or null if it is not one.
inline const std::shared_ptr<Optimizer>* OptimizerIn(Value v) {
  return static_cast<const std::shared_ptr<Optimizer>*>(ForeignData(v, &kOptimizerType));
}

}  // namespace eta::tensor
