#include "parallel/training/step_memory.h"

#include <c10/util/Exception.h>

#include <unordered_set>

#include "parallel/training/dtypes.h"

namespace eta::parallel {
namespace {

using tensor::NamedParameter;
using tensor::Tensor;

std::byte* BytesOf(const Tensor& tensor) {
  return tensor.defined() ? static_cast<std::byte*>(tensor.data_ptr()) : nullptr;
}

// Appends those that are not there yet.
void AddNew(const std::vector<NamedParameter>& more, std::vector<NamedParameter>* all) {
  std::unordered_set<const at::TensorImpl*> seen;
  for (const auto& parameter : *all) seen.insert(parameter.tensor.unsafeGetTensorImpl());
  for (const NamedParameter& tensor : more) {
    if (seen.insert(tensor.tensor.unsafeGetTensorImpl()).second) all->push_back(tensor);
  }
}

std::vector<NamedParameter> ParametersAndBuffers(const tensor::Module& model,
                                                 const tensor::Optimizer& optimizer) {
  std::vector<NamedParameter> all = AllParameters(model, optimizer);
  AddNew(model.Buffers(), &all);
  return all;
}

}  // namespace

std::vector<NamedParameter> AllParameters(const tensor::Module& model,
                                          const tensor::Optimizer& optimizer) {
  std::vector<NamedParameter> all = optimizer.parameters();
  AddNew(model.Parameters(), &all);
  return all;
}

std::string Describe(const NamedParameter& parameter) {
  std::string text = parameter.name + " (";
  for (int64_t size : parameter.tensor.sizes()) {
    if (text.back() != '(') text += ' ';
    text += std::to_string(size);
  }
  return text + ") " + NameOf(DTypeOf(parameter.tensor.scalar_type()));
}

std::vector<SegmentMemory> MemoryOf(const tensor::Optimizer& optimizer,
                                    const ExchangePlace& place) {
  std::vector<SegmentMemory> all;
  for (const auto& segment : optimizer.segments()) {
    const auto& tensors = segment.tensors;
    const Buffer parameter = place.BufferOf(tensors.parameter);
    SegmentMemory memory{.dtype = parameter.dtype,
                         .count = parameter.count,
                         .parameter = static_cast<std::byte*>(parameter.data),
                         .state = {}};
    for (int k = 0; k < tensor::kMaxStates; ++k) memory.state[k] = BytesOf(tensors.state[k]);
    all.push_back(memory);
  }
  return all;
}

void FindGradients(const tensor::Optimizer& optimizer, std::span<SegmentMemory> segments) {
  for (size_t s = 0; s < segments.size(); ++s) {
    segments[s].gradient = BytesOf(optimizer.segments()[s].tensors.gradient);
    segments[s].addends = segments[s].gradient;
  }
}

std::string DescribeStructure(const tensor::Module& model, const tensor::Optimizer& optimizer) {
  std::string text;
  for (const auto& parameter : ParametersAndBuffers(model, optimizer)) {
    text += Describe(parameter) + '\n';
  }
  return text + optimizer.RuleDescriptions();
}

std::string StructureAndSettings(const StepMemory& memory) {
  return memory.structure + (memory.optimizer ? memory.optimizer->SettingsText() : "");
}

std::vector<Buffer> InitialMemory(const tensor::Module& model, const tensor::Optimizer& optimizer,
                                  const ExchangePlace& place) {
  std::vector<Buffer> all;
  for (const auto& parameter : ParametersAndBuffers(model, optimizer)) {
    TORCH_CHECK(parameter.tensor.is_contiguous(), "the tensor ", parameter.name,
                " is not contiguous");
    all.push_back(place.BufferOf(parameter.tensor));
  }
  return all;
}

}  // namespace eta::parallel
