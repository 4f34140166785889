#include "torch/optimizer.h"

#include <ATen/core/grad_mode.h>

#include <algorithm>
#include <utility>

#include "torch/transfer.h"

namespace eta::tensor {

Optimizer::Optimizer(std::shared_ptr<Module> module, std::shared_ptr<const UpdateRule> rule,
                     std::shared_ptr<ArenaRegistry> registry, const Settings& settings,
                     std::vector<Group> groups)
    : settings(settings),
      module_(std::move(module)),
      parameters_(module_->Parameters()),
      groups_{{std::move(rule), 1}},
      group_of_(parameters_.size(), 0),
      registry_(std::move(registry)),
      steps_(parameters_.size(), 0) {
  for (Group& group : groups) {
    groups_.push_back({std::move(group.rule), group.rate_scale});
    AssignGroup(groups_.size() - 1, group.parameters);
  }
}

void Optimizer::AssignGroup(size_t group, const std::vector<Tensor>& parameters) {
  for (const Tensor& tensor : parameters) {
    const auto own = std::find_if(parameters_.begin(), parameters_.end(),
                                  [&](const auto& p) { return p.tensor.is_same(tensor); });
    TORCH_CHECK(own != parameters_.end(), "a group has a parameter that the module has not");
    size_t& group_of = group_of_[static_cast<size_t>(own - parameters_.begin())];
    TORCH_CHECK(group_of == 0, own->name, " is in two groups");
    group_of = group;
  }
}

std::string Optimizer::RuleDescriptions() const {
  std::string text;
  for (const GroupRule& group : groups_) {
    text += c10::str("optimizer ", group.rule->Description());
    text += group.rate_scale == 1 ? "\n" : c10::str(", rate-scale ", group.rate_scale, '\n');
  }
  return text;
}

std::string Optimizer::SettingsText() const {
  std::string text =
      c10::str("learning rate ", settings.learning_rate, "\nclip-norm ", settings.clipping.norm,
               "\nclip-value ", settings.clipping.value, "\naccumulate ", settings.accumulate,
               "\ncompress ", settings.compress ? "bfloat16" : "nothing", "\nshard-optimizer ",
               settings.shard ? "#t" : "#f", "\nloss-scale ", loss_scale.factor(), '\n');
  for (const NamedParameter& parameter : parameters_) {
    if (!parameter.tensor.requires_grad()) text += "a frozen " + parameter.name + '\n';
  }
  return text;
}

Optimizer::~Optimizer() { registry_->PayGradients(); }

Optimizer::State Optimizer::GetState() const {
  State state{steps_, {}};
  for (size_t i = 0; i < parameters_.size(); ++i) state.tensors.push_back(StateOf(i));
  return state;
}

void Optimizer::SetState(State state) {
  steps_ = std::move(state.steps);
  first_state_ = std::move(state.tensors);
  state_is_sliced = false;
  ForgetAccumulated();
  at::NoGradGuard no_grad;
  if (LayoutHolds()) TakeInState();
  ZeroGradients();
}

void Optimizer::ExchangeAverages() {
  at::NoGradGuard no_grad;
  for (size_t i = 0; i < parameters_.size(); ++i) {
    if (steps_[i] == 0) continue;
    const Tensor average = StateOf(i)[groups_[group_of_[i]].rule->average_state()];
    const Tensor parameter = parameters_[i].tensor.clone();
    parameters_[i].tensor.copy_(average);
    average.copy_(parameter);
  }
  averages_exchanged_ = !averages_exchanged_;
}

std::shared_ptr<Optimizer> Optimizer::Copy(Transfer& transfer) const {
  const auto registry = TensorContext::Of(transfer.vm()).arenas();
  auto copy = std::make_shared<Optimizer>(CopyModule(transfer, module_), groups_[0].rule, registry,
                                          settings);
  copy->groups_ = groups_;
  copy->group_of_ = group_of_;
  copy->loss_scale = loss_scale;
  copy->steps_ = steps_;
  for (size_t i = 0; i < parameters_.size(); ++i) {
    auto& state = copy->first_state_.emplace_back();
    const auto own = StateOf(i);
    for (int k = 0; k < kMaxStates; ++k) {
      if (own[k].defined()) state[k] = own[k].clone();
    }
  }
  return copy;
}

void Optimizer::ScaleGradients(double factor) {
  at::NoGradGuard no_grad;
  for (size_t i = 0; i < homes_.size(); ++i) {
    if (homes_[i].arena->HasGradient(homes_[i].entry)) {
      parameters_[i].tensor.mutable_grad().mul_(factor);
    }
  }
}

void Optimizer::ZeroGradients() {
  ClearGradients();
  registry_->PayGradients();
}

void Optimizer::ClearGradients() {
  accumulated = {};
  registry_->ForgiveGradients(this);
  if (!LayoutHolds()) return DropGradients();
  for (Segment& segment : segments_) {
    if (segment.arena->blocks()[segment.block].large) segment.tensors.gradient.reset();
  }
  for (const Home& home : homes_) home.arena->Clear(home.entry);
  registry_->Owe(this, this);
  if (registry_->watched()) registry_->PayGradients();
}

void Optimizer::Pay() {
  for (const Segment& segment : segments_) {
    segment.arena->FillZero(segment.block, segment.begin, segment.end);
  }
}

// Before there is a layout. Those that lie in another optimizer's arena are cleared there.
void Optimizer::DropGradients() {
  for (const NamedParameter& parameter : parameters_) {
    const auto* place = registry_->Find(parameter.tensor);
    if (place && place->arena->Intact(place->index)) {
      const auto& entry = place->arena->entries()[place->index];
      place->arena->FillZero(entry.block, entry.begin, entry.end);
      place->arena->Clear(place->index);
    } else {
      parameter.tensor.mutable_grad().reset();
    }
  }
}

const Optimizer::Mask& Optimizer::TakeGradients() {
  registry_->PayGradients();
  mask_.clear();
  for (size_t i = 0; i < homes_.size(); ++i) mask_.push_back(TakeGradient(i));
  return mask_;
}

bool Optimizer::TakeGradient(size_t parameter) {
  const Home& home = homes_[parameter];
  const bool has = home.arena->TakeGradient(home.entry);
  Segment& segment = segments_[home.segment];
  const auto& block = segment.arena->blocks()[segment.block];
  if (block.large) segment.tensors.gradient = block.gradients;
  return has;
}

void Optimizer::BeginUpdate(const Mask& mask) {
  limits_ = LimitsFor({.value = settings.clipping.value}, 0, loss_scale.factor());
  for (size_t s = 0; s < segments_.size(); ++s) {
    runs_[s].clear();
    for (size_t i : segments_[s].parameters) {
      if (mask[i]) AddToRuns(&runs_[s], i);
    }
  }
}

void Optimizer::AddToRuns(std::vector<Run>* runs, size_t i) {
  const Home& home = homes_[i];
  const int64_t step = ++steps_[i];
  // As any in-place change: a graph that still needs the old value must find out.
  parameters_[i].tensor.unsafeGetTensorImpl()->bump_version();
  if (!runs->empty() && runs->back().end == home.begin && runs->back().step == step &&
      runs->back().group == group_of_[i]) {
    runs->back().end = home.end;
  } else {
    runs->push_back({home.begin, home.end, step, group_of_[i]});
  }
}

double Optimizer::SquaredGradients(size_t segment, int64_t begin, int64_t end) const {
  return SumOfSquares(segments_[segment].tensors.gradient, begin, end - begin);
}

double Optimizer::SquaredGradients() const {
  double squares = 0;
  for (size_t s = 0; s < segments_.size(); ++s) {
    squares += SquaredGradients(s, 0, segments_[s].end - segments_[s].begin);
  }
  return squares;
}

void Optimizer::LimitGradients(double squares) {
  limits_ = LimitsFor(settings.clipping, squares, loss_scale.factor());
}

void Optimizer::UpdateRange(size_t segment, int64_t begin, int64_t end) {
  UpdateRange(segment, segments_[segment].tensors, begin, end);
}

void Optimizer::UpdateRange(size_t segment, const UpdateTensors& tensors, int64_t begin,
                            int64_t end) {
  for (const Run& run : runs_[segment]) {
    const int64_t from = std::max(begin, run.begin);
    const int64_t to = std::min(end, run.end);
    if (from >= to) continue;
    const GroupRule& group = groups_[run.group];
    const UpdateStep step{run.step, settings.learning_rate * group.rate_scale};
    UpdateWithin(limits_, *group.rule, tensors, from, to - from, step);
  }
}

void Optimizer::Update(const Mask& mask) {
  BeginUpdate(mask);
  if (settings.clipping.by_norm()) LimitGradients(SquaredGradients());
  for (size_t s = 0; s < segments_.size(); ++s) {
    UpdateRange(s, 0, segments_[s].end - segments_[s].begin);
  }
}

}  // namespace eta::tensor
