#include "torch/capture/plan_builder.h"

#include <ATen/core/List.h>
#include <ATen/ops/empty.h>

#include <algorithm>
#include <string>
#include <utility>

#include "torch/capture/direct_call.h"

namespace eta::tensor {
namespace {

using Origin = TraceRegion::Origin;

// The argument of a random operation that is another one in each run; -1: it draws nothing.
int GeneratorArgument(const torch::jit::Stack& arguments) {
  for (size_t i = 0; i < arguments.size(); ++i) {
    if (arguments[i].isGenerator()) return static_cast<int>(i);
  }
  return -1;
}

}  // namespace

void PlanBuilder::Build() {
  regions_.resize(trace_.regions.size());
  NoteGifts();
  FindNeeded();
  ChooseWays();
  FindLifetimes();
  PlaceRegions();
  for (size_t i = 0; i < trace_.tensors.size(); ++i) plan_.tensors_.push_back(TensorOf(i));
  FindFinalOps();
  for (size_t op = 0; op < trace_.ops.size(); ++op) {
    AddActions(op);
    AddMoments(op);
  }
}

void PlanBuilder::NoteGifts() {
  for (size_t tensor : given_) {
    Region& region = regions_[RegionOf(tensor)];
    TORCH_CHECK(trace_.regions[RegionOf(tensor)].origin == Origin::kMade && !region.is_given,
                "what is given away has no memory of its own");
    region.is_given = true;
  }
}

// Backwards: what a needed operation uses is needed. What changes memory, draws or fails always is.
void PlanBuilder::FindNeeded() {
  ways_.assign(trace_.ops.size(), Way::kNot);
  for (size_t tensor : kept_) regions_[RegionOf(tensor)].needed = true;
  for (size_t tensor : trace_.reads) regions_[RegionOf(tensor)].needed = true;
  for (size_t tensor : given_) regions_[RegionOf(tensor)].needed = true;
  for (size_t i = trace_.ops.size(); i-- > 0;) {
    const TraceOp& op = trace_.ops[i];
    if (op.makes_views) continue;
    const bool acts =
        op.writes || op.op.hasTag(at::Tag::nondeterministic_seeded) || MayFail(trace_, op);
    const bool used = std::any_of(op.results.begin(), op.results.end(), [&](size_t tensor) {
      return tensor != kNoTensor && regions_[RegionOf(tensor)].needed;
    });
    if (!acts && !used) continue;
    ForEachTensor(op, [&](size_t tensor) { regions_[RegionOf(tensor)].needed = true; });
    ways_[i] = Way::kAsIs;
  }
}

// Whether each result is a region of its own, from its begin on. Our own forms can do with results
// that are not there.
bool PlanBuilder::FillsRegions(const TraceOp& op, bool direct) const {
  std::vector<size_t> seen;
  for (size_t tensor : op.results) {
    if (tensor == kNoTensor && direct) continue;
    if (tensor == kNoTensor) return false;
    const TraceTensor& result = trace_.tensors[tensor];
    if (trace_.regions[result.region].origin != Origin::kMade || result.offset != 0 ||
        std::ranges::find(seen, result.region) != seen.end()) {
      return false;
    }
    seen.push_back(result.region);
  }
  return !seen.empty();
}

PlanBuilder::Way PlanBuilder::WayOf(size_t i) const {
  const TraceOp& op = trace_.ops[i];
  const bool direct = direct_ && HasDirectForm(trace_, i);
  if (op.writes || !FillsRegions(op, direct)) return Way::kAsIs;
  if (OnlyTakesMemory(op.op)) return Way::kNot;
  return direct || out_variants_.Find(op.op) ? Way::kInto : Way::kAsIs;
}

void PlanBuilder::ChooseWays() {
  for (size_t i = 0; i < trace_.ops.size(); ++i) {
    if (ways_[i] == Way::kNot) continue;
    ways_[i] = WayOf(i);
    if (ways_[i] == Way::kAsIs) continue;
    for (size_t tensor : trace_.ops[i].results) {
      if (tensor != kNoTensor) regions_[RegionOf(tensor)].has_place = true;
    }
  }
}

// Undefined: it needs none.
Tensor PlanBuilder::ScratchOf(size_t op) const {
  const auto found = scratch_.find(op);
  if (found == scratch_.end()) return Tensor();
  return block_.slice(0, found->second.offset, found->second.offset + found->second.bytes);
}

Tensor PlanBuilder::TensorOf(size_t index) const {
  const TraceTensor& wanted = trace_.tensors[index];
  if (wanted.number.defined()) return wanted.number;
  const TraceRegion& memory = trace_.regions[wanted.region];
  const Region& region = regions_[wanted.region];
  Tensor tensor = at::empty({0}, options_.dtype(wanted.dtype));
  at::TensorImpl* const impl = tensor.unsafeGetTensorImpl();
  impl->set_sizes_and_strides(wanted.sizes, wanted.strides);
  MovingTensors place;
  place.Add(tensor, wanted.offset);
  if (memory.origin == Origin::kFixed) place.MoveTo(memory.kept, memory.begin);
  if (region.has_place) {
    TORCH_CHECK(!region.needed || EndOf(wanted) <= memory.bytes,
                "a recorded tensor does not fit its memory");
  }
  if (region.in_block()) place.MoveTo(block_.storage(), region.lifetime.offset);
  if (region.moving != nullptr) region.moving->Add(tensor, region.lifetime.offset + wanted.offset);
  return tensor;
}

torch::jit::Stack PlanBuilder::ArgumentsOf(const TraceOp& op) const {
  using Kind = TraceArgument::Kind;
  torch::jit::Stack stack;
  auto tensor_at = [&](size_t i) { return i == kNoTensor ? Tensor() : plan_.tensors_[i]; };
  for (const TraceArgument& argument : op.arguments) {
    if (argument.kind == Kind::kValue) {
      stack.push_back(argument.value);
    } else if (argument.kind == Kind::kTensor) {
      stack.emplace_back(tensor_at(argument.tensors[0]));
    } else if (argument.kind == Kind::kTensors) {
      c10::List<Tensor> list;
      for (size_t i : argument.tensors) list.push_back(tensor_at(i));
      stack.emplace_back(std::move(list));
    } else {
      c10::List<std::optional<Tensor>> list;
      for (size_t i : argument.tensors) {
        list.push_back(i == kNoTensor ? std::nullopt : std::optional(tensor_at(i)));
      }
      stack.emplace_back(std::move(list));
    }
  }
  return stack;
}

void PlanBuilder::AddActions(size_t i) {
  const TraceOp& op = trace_.ops[i];
  if (ways_[i] == Way::kNot) return;
  torch::jit::Stack arguments = ArgumentsOf(op);
  if (direct_ && AddDirectCall(i, arguments)) {
    // That is all.
  } else if (ways_[i] == Way::kAsIs) {
    AddCall(i, op.op, std::move(arguments));
  } else {
    for (size_t tensor : op.results) arguments.emplace_back(plan_.tensors_[tensor]);
    AddCall(i, *out_variants_.Find(op.op), std::move(arguments));
  }
  AddReleases(i);
}

void PlanBuilder::AddStep(size_t i, Plan::Action action) {
  auto& steps = i < trace_.pause ? plan_.first_ : plan_.second_;
  steps.push_back({std::move(action), trace_.ops[i].caller});
}

bool PlanBuilder::IsUsedAfter(size_t tensor, size_t i) const {
  if (tensor == kNoTensor) return false;
  const Region& region = regions_[RegionOf(tensor)];
  return region.is_given || region.lifetime.last > i;
}

// Operations that only read count, too: whoever is told may change the memory.
bool PlanBuilder::Touches(const TraceOp& op, size_t tensor) const {
  const TraceTensor& announced = trace_.tensors[tensor];
  bool touches = false;
  ForEachTensor(op, [&](size_t index) { touches |= Overlap(announced, trace_.tensors[index]); });
  return touches;
}

void PlanBuilder::FindFinalOps() {
  for (size_t tensor : announced_) {
    size_t last = trace_.ops.size();
    while (--last > trace_.pause) {
      if (ways_[last] != Way::kNot && Touches(trace_.ops[last], tensor)) break;
    }
    final_op_.push_back(last);
  }
}

void PlanBuilder::AddMoments(size_t op) {
  for (size_t i = 0; i < final_op_.size(); ++i) {
    if (final_op_[i] == op) plan_.moments_.push_back({plan_.second_.size(), i});
  }
}

bool PlanBuilder::AddDirectCall(size_t i, const torch::jit::Stack& arguments) {
  const TraceOp& op = trace_.ops[i];
  if (ways_[i] == Way::kAsIs && !op.writes) return false;
  std::vector<Tensor> results;
  std::vector<bool> used;
  if (ways_[i] == Way::kInto) {
    for (size_t tensor : op.results) {
      results.push_back(tensor == kNoTensor ? Tensor() : plan_.tensors_[tensor]);
      used.push_back(IsUsedAfter(tensor, i));
    }
  }
  DirectCall call = FindDirectCall({op.op, arguments, results, used, ScratchOf(i)});
  if (!call) return false;
  if (RoundsOtherwise(op.op)) ++plan_.rounding_steps_;
  AddStep(i, [call = std::move(call)](Plan&, const at::Generator&) { call(); });
  return true;
}

namespace {

// Tensors that move to where an operation has made one of its results.
struct Mover {
  size_t result;
  const MovingTensors* tensors;
  int64_t offset;  // bytes, of the result in its region
  Tensor like;     // it must have these sizes and strides

  void MoveTo(const Tensor& made) const {
    TORCH_CHECK(made.sizes() == like.sizes() && made.strides() == like.strides(),
                "an operation gave another shape than when it was recorded");
    const auto size = static_cast<int64_t>(made.element_size());
    tensors->MoveTo(made.storage(), made.storage_offset() * size - offset);
  }
};

void MoveResults(const std::vector<Mover>& movers, const torch::jit::Stack& stack) {
  size_t result = 0;
  auto mover = movers.begin();
  auto next = [&](const Tensor& made) {
    if (mover == movers.end() || mover->result != result++) return;
    (mover++)->MoveTo(made);
  };
  for (const c10::IValue& value : stack) {
    if (mover == movers.end()) return;
    if (value.isTensor()) {
      next(value.toTensor());
    } else {
      for (const Tensor& made : value.toTensorVector()) next(made);
    }
  }
}

}  // namespace

void PlanBuilder::AddCall(size_t i, const c10::OperatorHandle& handle,
                          torch::jit::Stack arguments) {
  std::vector<Mover> movers;
  const auto& results = trace_.ops[i].results;
  for (size_t r = 0; r < results.size(); ++r) {
    if (results[r] == kNoTensor) continue;
    const size_t region = RegionOf(results[r]);
    if (trace_.regions[region].maker != i || regions_[region].has_place) continue;
    movers.push_back({r, regions_[region].moving, trace_.tensors[results[r]].offset,
                      plan_.tensors_[results[r]]});
  }
  const int draws = GeneratorArgument(arguments);
  AddStep(i, [handle, kernels = kernels_, arguments = std::move(arguments),
              movers = std::move(movers), draws](Plan& plan, const at::Generator& generator) {
    torch::jit::Stack& stack = plan.stack_;
    stack.assign(arguments.begin(), arguments.end());
    if (draws >= 0) stack[static_cast<size_t>(draws)] = generator;
    handle.redispatchBoxed(kernels, &stack);
    MoveResults(movers, stack);
    stack.clear();
  });
}

// Memory that libtorch made goes back when it would if nobody kept the tensors.
void PlanBuilder::AddReleases(size_t i) {
  for (size_t r = 0; r < regions_.size(); ++r) {
    const Region& region = regions_[r];
    if (region.moving == nullptr || !region.needed || region.is_given || region.gift ||
        region.lifetime.last != i || trace_.regions[r].origin != Origin::kMade) {
      continue;
    }
    AddStep(i, [moving = region.moving](Plan& plan, const at::Generator&) {
      moving->MoveTo(plan.nothing_, 0);
    });
  }
}

}  // namespace eta::tensor
