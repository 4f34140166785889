#include "torch/capture/step_watch.h"

#include <ATen/ops/empty_strided.h>

#include <algorithm>

#include "torch/capture/pure_natives.h"
#include "torch/tensor_object.h"
#include "vm/hamt.h"
#include "vm/heap.h"
#include "vm/list_walker.h"

namespace eta::tensor {

bool CanCopyApart(const Tensor& tensor) { return tensor.is_non_overlapping_and_dense(); }

Tensor CopyApart(const Tensor& tensor) {
  return at::empty_strided(tensor.sizes(), tensor.strides(), tensor.options()).copy_(tensor);
}

bool ProgramFacts::CapturedTheSame(Value loss) const {
  const auto *now = As<ClosureObject>(loss), *before = As<ClosureObject>(loss_);
  return now == before || (now != nullptr && before != nullptr &&
                           std::equal(now->captures, now->captures + now->capture_count,
                                      before->captures, before->captures + before->capture_count));
}

std::string ProgramFacts::Change(Vm& vm, Value loss) const {
  return CapturedTheSame(loss) ? readings_.Change(vm) : "a variable that the loss captured";
}

void ProgramFacts::Trace(Marker& marker) const {
  marker.Mark(loss_);
  readings_.Trace(marker);
}

StepWatch::StepWatch(Vm& vm, const Module& model, Recorder& recorder)
    : model_(model),
      recorder_(recorder),
      watch_(vm, [this](const NativeDef& native, Args args) { return Judge(native, args); }) {}

namespace {

// They look at everything in their arguments, however deep: but for the map, in which keys are
// looked for.
constexpr std::string_view kDeep[] = {"assoc",  "equal?",          "hash-map-ref",
                                      "member", "torch/from-list", "torch/tensor"};

// Of what is not noted when a native looks at it. Changes of pairs are.
std::string JudgeContents(Value v) {
  constexpr size_t kMost = 1 << 20;  // lists may be cyclic
  std::vector<Value> parts = {v};
  for (size_t seen = 0; !parts.empty(); ++seen) {
    const Value part = parts.back();
    parts.pop_back();
    if (IsPair(part)) {
      parts.insert(parts.end(), {Cdr(part), Car(part)});
    } else if (IsVector(part) || Is(part, ObjectKind::kBytevector) || HashTableOf(part)) {
      return "a native looks into something that may change";
    }
    if (seen == kMost) return "a native looks into a large list";
  }
  return "";
}

}  // namespace

std::string StepWatch::Judge(const NativeDef& native, Args args) {
  if (!IsPure(native.name)) return std::string(native.name) + " is called";
  for (Value argument : args) {
    if (auto objection = JudgeArgument(argument); !objection.empty()) return objection;
  }
  if (std::ranges::find(kDeep, native.name) == std::end(kDeep)) return "";
  const size_t map = native.name == std::string_view("hash-map-ref") ? 1 : 0;
  for (Value argument : args.subspan(std::min(map, args.size()))) {
    if (auto objection = JudgeContents(argument); !objection.empty()) return objection;
  }
  return "";
}

// Of others lists of lists do not matter: the recorder objects to tensors that it does not know.
std::string StepWatch::JudgeArgument(Value v) {
  if (IsVector(v)) return "a native looks into a vector";
  if (const auto* module = ModuleIn(v)) {
    const bool foreign = model_.AllOf([&](const Module& part) { return &part != module->get(); });
    return foreign ? "a module is used that is no part of the model" : "";
  }
  if (const Tensor* tensor = TensorIn(v)) return UseTensor(*tensor);
  for (ListWalker walk(v); walk.More(); walk.Next()) {
    const Tensor* tensor = TensorIn(walk.item());
    if (tensor == nullptr) continue;
    if (auto objection = UseTensor(*tensor); !objection.empty()) return objection;
  }
  return "";
}

std::string StepWatch::UseTensor(const Tensor& tensor) {
  if (recorder_.Knows(tensor)) return "";
  if (tensor.requires_grad()) return "a tensor tracks gradients that is no part of the model";
  recorder_.AddFixed(tensor);
  constants_.push_back(tensor);
  return "";
}

}  // namespace eta::tensor
