// StepMemory: what one rank opens to the others while they are in a training step together: where
// its parameters, gradients and optimizer state lie, and texts for messages.
//
// Peers reach it through a pointer in the records of a meeting, and only between that meeting and
// the end of it (Meeting::Part), while its owner is inside the same function. So nothing outlives
// its tensors, however a rank fails later. Those of another process have a copy of it, without
// pointers to tensors (remote_memory.h).
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "parallel/core/dtype.h"
#include "parallel/training/exchange_place.h"
#include "torch/optimizer.h"

namespace eta::parallel {

class ParameterFile;

// A piece of flat memory of this process, or of the rank's device.
struct SegmentMemory {
  DType dtype;
  size_t count;  // elements
  std::byte* parameter;
  std::byte* gradient = nullptr;
  // What the ranks add up: the gradient; or one after the other the shards', `count` elements each.
  const std::byte* addends = nullptr;
  // Where the sums of the slices of the owner with this rank's number go.
  std::byte* sums = nullptr;
  std::byte* state[tensor::kMaxStates];  // null where the rule has none
};

// The first element of the summed gradients that is not finite.
struct Nonfinite {
  bool found = false;
  size_t segment = 0;
  size_t element = 0;
  int rank = -1;  // whose gradient is the cause; -1: the sum overflowed
};

// What belongs to an owner of slices: whoever does the owner's work in a step, does it there. Other
// ranks share it with the rank of the owner's number, and may look at it until the next meeting at
// which gradients of the same optimizer are summed; but at parameters and state in steps only.
struct OwnerMemory {
  // As the optimizer's segments; but the gradients are the sums, of own slices only, and the
  // parameters may be those of a ParameterFile.
  std::vector<tensor::UpdateTensors> segments;
  // Copies of the new parameters of own slices, for others to take; or empty: others get them.
  std::vector<tensor::Tensor> handed_over;
  Nonfinite nonfinite;           // in its slices
  std::vector<double> squares;   // by slice: its sums, squared and added up
  tensor::Optimizer::Mask mask;  // of owner 0: parameters that have a gradient on some rank
};

struct StepMemory {
  std::vector<SegmentMemory> segments;
  std::shared_ptr<OwnerMemory> owner;         // which the segments' sums point into; or null
  std::shared_ptr<const ParameterFile> file;  // of rank 0: for all to share; or null
  bool shares_parameters = false;             // the segments' parameters are pages of that
  std::vector<tensor::LossSums> shards;       // their losses, where there are shards
  tensor::Optimizer::Mask mask;               // parameters that have a gradient on this rank
  Nonfinite nonfinite;                        // in its gradients, where ranks do not share memory
  std::vector<Buffer> initial;                // what rank 0's initial values are copied into
  std::string site;                           // of the call
  std::string failure;                        // how and where this rank failed
  std::string structure;                      // the parameters, one per line
  const tensor::Optimizer* optimizer = nullptr;  // whose settings belong to that; or null
  std::string values;            // likewise, if somebody has changed them: ParameterWatch
  std::vector<uint32_t> ready;   // parameters as their gradients became ready; for others to learn
  std::vector<uint32_t> sliced;  // optimizers of whose state this rank has its slices only
};

// All but the gradients. Throws c10::Error if a segment is not at `place` or has a dtype that does
// not travel. REQUIRES: optimizer.Prepare.
std::vector<SegmentMemory> MemoryOf(const tensor::Optimizer& optimizer, const ExchangePlace& place);

// Notes where the gradients lie in this step; they are the addends. REQUIRES:
// optimizer.TakeGradients.
void FindGradients(const tensor::Optimizer& optimizer, std::span<SegmentMemory> segments);

// "0.weight (64 10) float64". Throws c10::Error if the dtype does not travel.
std::string Describe(const tensor::NamedParameter& parameter);

// The line of each parameter of the model and of the optimizer, and how that updates them.
std::string DescribeStructure(const tensor::Module& model, const tensor::Optimizer& optimizer);

// The structure, and the settings of this moment.
std::string StructureAndSettings(const StepMemory& memory);

// The parameters of the optimizer, then those of the model that it does not update.
std::vector<tensor::NamedParameter> AllParameters(const tensor::Module& model,
                                                  const tensor::Optimizer& optimizer);

// The memory of these and of the model's buffers. Throws as MemoryOf.
std::vector<Buffer> InitialMemory(const tensor::Module& model, const tensor::Optimizer& optimizer,
                                  const ExchangePlace& place);

}  // namespace eta::parallel
