#include "torch/capture/recorder.h"

#include <ATen/core/List.h>
#include <torch/library.h>

#include <algorithm>
#include <utility>

namespace eta::tensor {
namespace {

constexpr c10::DispatchKey kKey = c10::DispatchKey::Fake;

constinit thread_local Recorder* current = nullptr;

const c10::StorageImpl* StorageOf(const Tensor& tensor) {
  return tensor.storage().unsafeGetStorageImpl();
}

int64_t ByteOffset(const Tensor& tensor) {
  return tensor.storage_offset() * static_cast<int64_t>(tensor.element_size());
}

std::string NameOf(const c10::OperatorHandle& op) { return op.schema().name(); }

// To running means, of which the schema says nothing.
bool WritesUndeclared(const c10::OperatorHandle& op) {
  return NameOf(op).find("batch_norm") != std::string::npos;
}

// Whether it writes to its argument of this number.
bool WritesTo(const TraceOp& call, size_t index) {
  const auto& argument = call.op.schema().arguments()[index];
  if (argument.alias_info() != nullptr && argument.alias_info()->isWrite()) return true;
  if (!WritesUndeclared(call.op) || !argument.name().starts_with("running_")) return false;
  const auto training = call.op.schema().argumentIndexWithName("training");
  return training && call.arguments[static_cast<size_t>(*training)].value.toBool();
}

// In place, but nothing in memory changes: from then on the tensor is another view.
bool OnlyTurnsHandle(const c10::OperatorHandle& op) {
  return NameOf(op) == "aten::transpose_" || NameOf(op) == "aten::t_";
}

// The tensors that it takes only give it a form.
bool ReadsNothing(const c10::OperatorHandle& op) {
  return OnlyTakesMemory(op) || NameOf(op).ends_with("_like") ||
         NameOf(op).starts_with("aten::new_");
}

// It would draw what to drop out.
bool DropsNothing(const TraceOp& call) {
  const auto rate = call.op.schema().argumentIndexWithName("dropout_p");
  return rate && call.arguments[static_cast<size_t>(*rate)].value.isDouble() &&
         call.arguments[static_cast<size_t>(*rate)].value.toDouble() == 0;
}

}  // namespace

Recorder::Scope::Scope(Recorder& recorder) : outer_(std::exchange(current, &recorder)), on_(kKey) {}

Recorder::Scope::~Scope() { current = outer_; }

// Numbers of the program stay on the CPU: kernels of all devices take them by their value.
bool Recorder::HasPlainMemory(const Tensor& tensor) const {
  const bool is_number = tensor.unsafeGetTensorImpl()->is_wrapped_number();
  return tensor.layout() == at::kStrided && tensor.has_storage() && !tensor.is_conj() &&
         !tensor.is_neg() && (tensor.device() == trace_.device || (is_number && tensor.is_cpu()));
}

Tensor Recorder::MakeConstant(c10::function_ref<Tensor()> make) {
  const c10::impl::ExcludeDispatchKeyGuard off(kKey);
  Tensor made = make();
  if (current != nullptr && made.defined()) current->AddFixed(made);
  return made;
}

void Recorder::Object(std::string problem) {
  if (trace_.problem.empty()) trace_.problem = std::move(problem);
}

void Recorder::ObjectToMemory() {
  Object(trace_.device.is_cpu() ? "a tensor is not plain memory of the CPU"
                                : "a tensor is not plain memory of " + trace_.device.str());
}

void Recorder::AddRegion(TraceRegion::Origin origin, const Tensor& tensor, bool whole) {
  if (!HasPlainMemory(tensor)) return ObjectToMemory();
  const auto [place, is_new] = region_of_.try_emplace(StorageOf(tensor), trace_.regions.size());
  if (!is_new) return;
  TraceRegion region{.origin = origin, .storage = tensor.storage().getWeakStorageImpl()};
  region.begin = whole ? 0 : ByteOffset(tensor);
  region.bytes = static_cast<int64_t>(tensor.storage().nbytes()) - region.begin;
  region.maker = trace_.ops.size() - 1;  // if it is made: by the operation that runs
  if (origin == TraceRegion::Origin::kFixed) region.kept = tensor.storage();
  trace_.regions.push_back(std::move(region));
}

void Recorder::AddFixed(const Tensor& tensor) {
  AddRegion(TraceRegion::Origin::kFixed, tensor, /*whole=*/true);
}

void Recorder::AddState(const Tensor& tensor) {
  AddFixed(tensor);
  if (HasPlainMemory(tensor)) state_.insert(region_of_.at(StorageOf(tensor)));
}

void Recorder::AddBatch(const Tensor& tensor) {
  if (HasPlainMemory(tensor) && region_of_.contains(StorageOf(tensor))) {
    return Object("tensors of the batch share memory");
  }
  AddRegion(TraceRegion::Origin::kBatch, tensor, /*whole=*/false);
}

bool Recorder::Knows(const Tensor& tensor) const {
  return HasPlainMemory(tensor) && region_of_.contains(StorageOf(tensor));
}

size_t Recorder::Find(const Tensor& tensor) {
  if (!tensor.defined()) return kNoTensor;
  if (!HasPlainMemory(tensor)) {
    ObjectToMemory();
    return kNoTensor;
  }
  const auto region = region_of_.find(StorageOf(tensor));
  if (region == region_of_.end()) return kNoTensor;
  TraceTensor found{.region = region->second,
                    .offset = ByteOffset(tensor) - trace_.regions[region->second].begin,
                    .sizes = tensor.sizes().vec(),
                    .strides = tensor.strides().vec(),
                    .dtype = tensor.scalar_type()};
  if (tensor.unsafeGetTensorImpl()->is_wrapped_number()) found.number = tensor;
  tensors_in_.resize(trace_.regions.size());
  std::vector<size_t>& known = tensors_in_[region->second];
  for (size_t i : known) {
    if (trace_.tensors[i] == found) return i;
  }
  known.push_back(trace_.tensors.size());
  trace_.tensors.push_back(std::move(found));
  return known.back();
}

// Of an argument. Memory that nobody made is a number of the program, or nothing to rely on.
size_t Recorder::FindOutside(const Tensor& tensor) {
  if (!tensor.defined()) return kNoTensor;
  if (tensor.unsafeGetTensorImpl()->is_wrapped_number()) AddFixed(tensor);
  const size_t found = Find(tensor);
  if (found == kNoTensor) Object("an operation uses a tensor from outside");
  return found;
}

TraceArgument Recorder::NoteArgument(const c10::IValue& value) {
  using Kind = TraceArgument::Kind;
  TraceArgument argument;
  if (value.isTensor() && value.toTensor().defined()) {
    argument.kind = Kind::kTensor;
    argument.tensors.push_back(FindOutside(value.toTensor()));
  } else if (value.isTensorList()) {
    argument.kind = Kind::kTensors;
    for (const Tensor& tensor : value.toTensorVector()) {
      argument.tensors.push_back(FindOutside(tensor));
    }
  } else if (value.isOptionalTensorList()) {
    argument.kind = Kind::kOptionalTensors;
    for (const std::optional<Tensor>& tensor : value.toOptionalTensorList()) {
      argument.tensors.push_back(tensor ? FindOutside(*tensor) : kNoTensor);
    }
  } else {
    argument.value = value;
  }
  return argument;
}

// Memory that was taken, and that no operation has written to, holds what the program put there.
void Recorder::CheckMemory(const TraceOp& call) {
  for (size_t i = 0; i < call.arguments.size(); ++i) {
    for (size_t tensor : call.arguments[i].tensors) {
      if (tensor == kNoTensor) continue;
      const size_t region = trace_.tensors[tensor].region;
      if (WritesTo(call, i)) {
        blank_.erase(region);
      } else if (blank_.contains(region)) {
        Object(NameOf(call.op) + " uses a tensor that no operation made");
      }
    }
  }
}

// What cannot be repeated: shapes that depend on values, and chance that is not the program's.
void Recorder::CheckTags(const TraceOp& call) {
  const auto draws = [&](const TraceArgument& argument) {
    return generator_ && argument.value.isGenerator() &&
           argument.value.toGenerator() == *generator_;
  };
  const bool own_draws = std::any_of(call.arguments.begin(), call.arguments.end(), draws);
  if (call.op.hasTag(at::Tag::nondeterministic_seeded) && !own_draws && !DropsNothing(call)) {
    Object(NameOf(call.op) + " draws from another generator");
  }
  const bool reshapes = call.op.hasTag(at::Tag::inplace_view) && !OnlyTurnsHandle(call.op);
  if (call.op.hasTag(at::Tag::dynamic_output_shape) || reshapes) {
    Object(NameOf(call.op) + " gives tensors whose shape is not known before");
  }
}

// A batch belongs to the program: what is written to it would be written to another one. Any other
// tensor from outside is left as it is when a plan is tried, but for the state.
void Recorder::CheckWrites(const TraceOp& call) {
  using Origin = TraceRegion::Origin;
  for (size_t i = 0; i < call.arguments.size(); ++i) {
    for (size_t tensor : call.arguments[i].tensors) {
      if (tensor == kNoTensor || !WritesTo(call, i)) continue;
      const size_t region = trace_.tensors[tensor].region;
      const Origin origin = trace_.regions[region].origin;
      if (origin == Origin::kBatch) return Object(NameOf(call.op) + " writes to the batch");
      if (origin == Origin::kFixed && !state_.contains(region)) {
        return Object(NameOf(call.op) + " writes to a tensor that is no buffer of the model");
      }
    }
  }
}

bool Recorder::NoteRead(const TraceOp& call) {
  const std::string name = NameOf(call.op);
  if (name == "aten::_local_scalar_dense") {
    CheckMemory(call);
    trace_.reads.push_back(call.arguments[0].tensors.at(0));
    return true;
  }
  return name == "aten::_fused_sdp_choice";  // looks at shapes only
}

void Recorder::NoteCall(const c10::OperatorHandle& op, const torch::jit::Stack& stack) {
  TraceOp call{.op = op, .caller = Caller()};
  const size_t count = op.schema().arguments().size();
  for (size_t i = stack.size() - count; i < stack.size(); ++i) {
    call.arguments.push_back(NoteArgument(stack[i]));
  }
  read_ = NoteRead(call);
  if (read_) return;
  call.writes = (op.schema().is_mutable() && !OnlyTurnsHandle(op)) || WritesUndeclared(op);
  CheckTags(call);
  if (call.writes) CheckWrites(call);
  trace_.ops.push_back(std::move(call));
}

std::string_view Recorder::Caller() const {
  return RunningOperation::Name() == maker_ ? std::string_view() : RunningOperation::Name();
}

void Recorder::NoteResult(const Tensor& tensor, bool* made_any) {
  if (tensor.defined() && HasPlainMemory(tensor) && !region_of_.contains(StorageOf(tensor))) {
    AddRegion(TraceRegion::Origin::kMade, tensor, /*whole=*/true);
    *made_any = true;
  }
  trace_.ops.back().results.push_back(Find(tensor));
}

void Recorder::NoteResults(const torch::jit::Stack& stack) {
  if (std::exchange(read_, false)) return;
  TraceOp& call = trace_.ops.back();
  const auto& schema = call.op.schema();
  bool made_any = false;
  for (size_t i = stack.size() - schema.returns().size(); i < stack.size(); ++i) {
    if (stack[i].isTensor()) {
      NoteResult(stack[i].toTensor(), &made_any);
    } else if (stack[i].isTensorList()) {
      for (const Tensor& tensor : stack[i].toTensorVector()) NoteResult(tensor, &made_any);
    } else {
      Object(NameOf(call.op) + " gives what is no tensor");
    }
  }
  call.makes_views = !made_any && !call.writes && !call.results.empty();
  if (!call.makes_views && !ReadsNothing(call.op)) CheckMemory(call);
  if (made_any && OnlyTakesMemory(call.op)) {
    blank_.insert(trace_.tensors[call.results.at(0)].region);
  }
}

void Recorder::Run(const c10::OperatorHandle& op, c10::DispatchKeySet keys,
                   torch::jit::Stack* stack) {
  const c10::impl::ExcludeDispatchKeyGuard off(kKey);  // not what kernels do inside
  Recorder* const recorder = current;
  const bool notes = recorder != nullptr && recorder->problem().empty();
  if (notes) recorder->NoteCall(op, *stack);
  op.redispatchBoxed(keys & c10::DispatchKeySet(c10::DispatchKeySet::FULL_AFTER, kKey), stack);
  if (notes && recorder->problem().empty()) recorder->NoteResults(*stack);
}

TORCH_LIBRARY_IMPL(_, Fake, library) {
  library.fallback(torch::CppFunction::makeFromBoxedFunction<&Recorder::Run>());
}

}  // namespace eta::tensor
