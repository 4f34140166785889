#include "torch/optimizer.h"

#include <ATen/core/grad_mode.h>

#include <algorithm>
#include <bit>
#include <numeric>
#include <tuple>
#include <unordered_map>
#include <utility>

#include "torch/capture/captured_steps.h"
#include "torch/lazy_zeros.h"
#include "torch/transfer.h"

namespace eta::tensor {
namespace {

// FNV-1a over words and bytes.
class Hash {
 public:
  void Add(uint64_t word) {
    for (int shift = 0; shift < 64; shift += 8) Byte(static_cast<uint8_t>(word >> shift));
  }
  void Add(std::string_view text) {
    for (char c : text) Byte(static_cast<uint8_t>(c));
    Add(text.size());
  }
  uint64_t value() const { return value_; }

 private:
  void Byte(uint8_t byte) { value_ = (value_ ^ byte) * 0x100000001B3u; }
  uint64_t value_ = 0xCBF29CE484222325u;
};

template <class T>
UpdateMemory<T> MemoryOf(const UpdateTensors& tensors, int64_t begin, int64_t count) {
  UpdateMemory<T> memory{};
  memory.parameter = static_cast<T*>(tensors.parameter.data_ptr()) + begin;
  memory.gradient = static_cast<const T*>(tensors.gradient.const_data_ptr()) + begin;
  for (int i = 0; i < kMaxStates; ++i) {
    const Tensor& state = tensors.state[i];
    if (state.defined()) memory.state[i] = static_cast<T*>(state.data_ptr()) + begin;
  }
  memory.count = count;
  return memory;
}

UpdateTensors Narrow(const UpdateTensors& tensors, int64_t begin, int64_t count) {
  UpdateTensors part{tensors.parameter.narrow(0, begin, count),
                     tensors.gradient.narrow(0, begin, count)};
  for (int i = 0; i < kMaxStates; ++i) {
    if (tensors.state[i].defined()) part.state[i] = tensors.state[i].narrow(0, begin, count);
  }
  return part;
}

template <class T>
void Apply(const UpdateRule& rule, const T& elements, const UpdateStep& step,
           const GradientLimits& limits) {
  limits.any() ? ApplyLimited(rule, elements, step, limits) : rule.Apply(elements, step);
}

void Apply(const UpdateRule& rule, const UpdateTensors& tensors, int64_t begin, int64_t count,
           const UpdateStep& step, const GradientLimits& limits) {
  const Tensor& parameter = tensors.parameter;
  if (parameter.is_cpu() && parameter.scalar_type() == at::kFloat) {
    Apply(rule, MemoryOf<float>(tensors, begin, count), step, limits);
  } else if (parameter.is_cpu() && parameter.scalar_type() == at::kDouble) {
    Apply(rule, MemoryOf<double>(tensors, begin, count), step, limits);
  } else {
    Apply(rule, Narrow(tensors, begin, count), step, limits);
  }
}

}  // namespace

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

// Of the rule that has most.
int Optimizer::StateCount() const {
  int count = 0;
  for (const GroupRule& group : groups_) count = std::max(count, group.rule->state_count());
  return count;
}

Optimizer::~Optimizer() { registry_->PayGradients(); }

bool Optimizer::Prepare() {
  if (LayoutHolds()) return false;
  TORCH_CHECK(!averages_exchanged_, "the parameters are exchanged for their averages");
  at::NoGradGuard no_grad;
  LayOut();
  return true;
}

bool Optimizer::LayoutHolds() const {
  auto holds = [](const Home& home) { return home.arena->Intact(home.entry); };
  return !averages_exchanged_ && homes_.size() == parameters_.size() &&
         std::all_of(homes_.begin(), homes_.end(), holds);
}

void Optimizer::LayOut() {
  registry_->PayGradients();
  const auto kept_until_found = MakeArena();
  std::vector<Home> old_homes = std::exchange(homes_, FindHomes());
  std::vector<Segment> old_segments = std::exchange(segments_, {});
  try {
    for (size_t i : InMemoryOrder()) Extend(i);
    for (Segment& segment : segments_) AllocateTensors(&segment);
  } catch (...) {  // the state stays where it was, and the layout does not hold
    homes_ = std::move(old_homes);
    segments_ = std::move(old_segments);
    throw;
  }
  for (size_t i = 0; i < old_homes.size(); ++i) {
    MoveState(old_segments[old_homes[i].segment], old_homes[i], i);
  }
  TakeInState();
  runs_.assign(segments_.size(), {});
  Sign();
}

// Puts those parameters into an arena that lie in none, or were moved out of theirs.
std::shared_ptr<ParameterArena> Optimizer::MakeArena() const {
  std::vector<NamedParameter> homeless;
  for (const NamedParameter& parameter : parameters_) {
    const auto* place = registry_->Find(parameter.tensor);
    if (!place || !place->arena->Intact(place->index)) homeless.push_back(parameter);
  }
  if (homeless.empty()) return nullptr;
  return std::make_shared<ParameterArena>(std::move(homeless), registry_);
}

std::vector<Optimizer::Home> Optimizer::FindHomes() const {
  std::vector<Home> homes;
  for (const NamedParameter& parameter : parameters_) {
    const auto* place = registry_->Find(parameter.tensor);
    homes.push_back({.arena = place->arena->shared_from_this(), .entry = place->index});
  }
  return homes;
}

// The parameters by arena (in the order of their first parameters), block and place.
std::vector<size_t> Optimizer::InMemoryOrder() const {
  std::unordered_map<const ParameterArena*, size_t> rank;
  for (const Home& home : homes_) rank.emplace(home.arena.get(), rank.size());
  auto key = [&](size_t i) {
    const auto& entry = homes_[i].arena->entries()[homes_[i].entry];
    return std::tuple(rank[homes_[i].arena.get()], entry.block, entry.begin, homes_[i].entry);
  };
  std::vector<size_t> order(homes_.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::sort(order.begin(), order.end(), [&](size_t a, size_t b) { return key(a) < key(b); });
  return order;
}

// Lets the last segment take in parameter `i`, or begins a new one with it.
void Optimizer::Extend(size_t i) {
  Home& home = homes_[i];
  const auto& entry = home.arena->entries()[home.entry];
  if (segments_.empty() || segments_.back().arena != home.arena ||
      segments_.back().block != entry.block || segments_.back().end != entry.begin) {
    segments_.push_back({.arena = home.arena, .block = entry.block, .begin = entry.begin});
  }
  Segment& segment = segments_.back();
  segment.end = entry.padded_end;
  segment.parameters.push_back(i);
  home.segment = segments_.size() - 1;
  home.begin = entry.begin - segment.begin;
  home.end = entry.padded_end - segment.begin;
}

void Optimizer::AllocateTensors(Segment* segment) const {
  const auto& block = segment->arena->blocks()[segment->block];
  const int64_t count = segment->end - segment->begin;
  segment->tensors.parameter = block.parameters.narrow(0, segment->begin, count);
  if (!block.large) segment->tensors.gradient = block.gradients.narrow(0, segment->begin, count);
  for (int k = 0; k < StateCount(); ++k) {
    segment->tensors.state[k] = LazyZeros(count, block.options);
  }
}

// Copies the state of parameter `i` from where it was before.
void Optimizer::MoveState(const Segment& from, const Home& old_home, size_t i) {
  const Home& home = homes_[i];
  const int64_t count = parameters_[i].tensor.numel();
  for (int k = 0; k < StateCount(); ++k) {
    segments_[home.segment]
        .tensors.state[k]
        .narrow(0, home.begin, count)
        .copy_(from.tensors.state[k].narrow(0, old_home.begin, count));
  }
}

// The state of parameter `i`, wherever it is; undefined tensors where there is none yet.
std::array<Tensor, kMaxStates> Optimizer::StateOf(size_t i) const {
  if (!first_state_.empty()) return first_state_[i];
  std::array<Tensor, kMaxStates> state;
  if (homes_.empty()) return state;
  const Home& home = homes_[i];
  for (int k = 0; k < StateCountOf(i); ++k) {
    state[k] = segments_[home.segment]
                   .tensors.state[k]
                   .narrow(0, home.begin, parameters_[i].tensor.numel())
                   .view(parameters_[i].tensor.sizes());
  }
  return state;
}

void Optimizer::TakeInState() {
  const auto first = std::exchange(first_state_, {});
  for (size_t i = 0; i < first.size(); ++i) {
    const auto place = StateOf(i);
    for (int k = 0; k < kMaxStates; ++k) {
      if (!place[k].defined()) continue;
      first[i][k].defined() ? place[k].copy_(first[i][k]) : place[k].zero_();
    }
  }
}

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

void Optimizer::Sign() {
  Hash hash;
  for (size_t i = 0; i < parameters_.size(); ++i) {
    const Tensor& tensor = parameters_[i].tensor;
    hash.Add(parameters_[i].name);
    hash.Add(static_cast<uint64_t>(tensor.dim()));
    for (int64_t size : tensor.sizes()) hash.Add(static_cast<uint64_t>(size));
    hash.Add(static_cast<uint64_t>(tensor.scalar_type()));
    hash.Add(homes_[i].segment);
    hash.Add(static_cast<uint64_t>(homes_[i].begin));
    hash.Add(group_of_[i]);
  }
  for (const GroupRule& group : groups_) {
    hash.Add(group.rule->name());
    hash.Add(static_cast<uint64_t>(group.rule->state_count()));
    hash.Add(std::bit_cast<uint64_t>(group.rate_scale));
  }
  signature_ = hash.value();
}

uint64_t Optimizer::LayoutSignature() const {
  Hash hash;
  hash.Add(signature_);
  for (double setting : {settings.learning_rate, settings.clipping.norm, settings.clipping.value,
                         loss_scale.factor()}) {
    hash.Add(std::bit_cast<uint64_t>(setting));
  }
  hash.Add(static_cast<uint64_t>(settings.accumulate));
  hash.Add(static_cast<uint64_t>(settings.compress));
  hash.Add(static_cast<uint64_t>(settings.shard));
  return hash.value();
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
    Apply(*group.rule, tensors, from, to - from, step, limits_);
  }
}

void Optimizer::Update(const Mask& mask) {
  BeginUpdate(mask);
  if (settings.clipping.by_norm()) LimitGradients(SquaredGradients());
  for (size_t s = 0; s < segments_.size(); ++s) {
    UpdateRange(s, 0, segments_[s].end - segments_[s].begin);
  }
}

namespace {

void* CopyOptimizer(const void* data, Transfer& transfer) {
  const Optimizer& original = **static_cast<const std::shared_ptr<Optimizer>*>(data);
  if (original.state_is_sliced) {
    return transfer.Refuse("an optimizer whose state is spread over the replicas");
  }
  return Guarded(transfer, "an optimizer", [&] {
    std::shared_ptr<void>& copy = transfer.CopyOf(&original);
    if (!copy) copy = original.Copy(transfer);
    return new std::shared_ptr<Optimizer>(std::static_pointer_cast<Optimizer>(copy));
  });
}

constexpr ForeignTransfer kTransfer = {.copy = CopyOptimizer};

}  // namespace

const ForeignType kOptimizerType = {
    .name = "optimizer",
    .trace =
        [](void* data, Marker& marker) {
          const auto& optimizer = *static_cast<std::shared_ptr<Optimizer>*>(data);
          optimizer->module()->Trace(marker);
          if (optimizer->captured != nullptr) optimizer->captured->Trace(marker);
        },
    .finalize = [](void* data) { delete static_cast<std::shared_ptr<Optimizer>*>(data); },
    .transfer = &kTransfer,
};

Value WrapOptimizer(Vm& vm, std::shared_ptr<Optimizer> optimizer) {
  return vm.heap().Foreign(&kOptimizerType, new std::shared_ptr<Optimizer>(std::move(optimizer)));
}

}  // namespace eta::tensor
