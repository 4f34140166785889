// Checkpoints: what a program needs to go on training later, in one file: modules, optimizers, the
// random streams, and any data that the program adds. The file is a safetensors file (see
// torch/state/safetensors.h) of ours, whose metadata say what the tensors belong to.
//
// A checkpoint is loaded in two steps, so that one that does not fit changes nothing:
//
//   LoadedCheckpoint loaded(call, path, parts, ...);   // reads and checks everything, or throws
//   loaded.Commit();                                   // cannot fail
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "torch/call.h"
#include "torch/marshal.h"
#include "torch/state/tensor_file.h"

namespace eta::tensor {

// One named thing in a checkpoint: a module, an optimizer, or else a value of the program.
struct CheckpointPart {
  std::string name;
  std::shared_ptr<Module> module;
  std::shared_ptr<Optimizer> optimizer;
  Value value;  // what was given; reachable as long as the arguments are
};
// From a list of pairs (name . value). Throws c10::Error.
std::vector<CheckpointPart> ReadParts(Value list);

// What is not the program's own: the random streams, those of each rank by rank.
struct RunState {
  TensorContext::Streams streams;  // its own ones do not count
  std::vector<std::map<std::string, Tensor>> own_streams;
  uint64_t batches = 0;  // trained on so far, where their random numbers depend on that
};

// Writes a checkpoint, atomically. Throws c10::Error, also if a value is not data (numbers,
// strings, symbols, booleans, characters, lists and vectors of such) or an optimizer is in the
// midst of accumulating. REQUIRES: no optimizer's state is sliced.
void SaveCheckpoint(Vm& vm, const std::string& path, const std::vector<CheckpointPart>& parts,
                    const RunState& run);

class LoadedCheckpoint;

// How the ranks of a world save and load together. To be attached to the Vm (as a shared_ptr, under
// kCheckpointWorld) by a world of several ranks.
class CheckpointWorld {
 public:
  virtual ~CheckpointWorld() = default;
  // The three operations, with their arguments.
  virtual Value Save(Args args) = 0;
  virtual Value Load(Args args) = 0;
  virtual Value GatherState(Args args) = 0;
};
inline constexpr const char* kCheckpointWorld = "tensor.checkpoint-world";
inline constexpr OpInfo kSaveCheckpoint{"optim/save-checkpoint", ""};
inline constexpr OpInfo kLoadCheckpoint{"optim/load-checkpoint", ""};
inline constexpr OpInfo kGatherState{"optim/gather-state!", ""};

// The path among these arguments. Throws c10::Error.
std::string PathIn(Value v);

// Everything of load-checkpoint that can go wrong: reads the file, and lets the program look at the
// values in it, which become `*values`. Throws c10::Error, or Failure.
Value PrepareLoad(Call& call, std::optional<LoadedCheckpoint>* loaded, Root* values);

class LoadedCheckpoint {
 public:
  // Reads the file for these parts; it may have more. Throws c10::Error with the reason. The random
  // streams are those of this rank, if the file comes from as many ranks.
  LoadedCheckpoint(Call& call, const std::string& path, const std::vector<CheckpointPart>& parts);

  // A list of pairs (name . value) of the values in the file; or Failure. Unrooted.
  Value Values(Vm& vm) const;
  const std::string& checksum() const { return checksum_; }
  uint64_t batches() const { return batches_; }
  // Lets the parts be as they were.
  void Commit(TensorContext& context);

 private:
  struct OptimizerState {
    std::shared_ptr<Optimizer> optimizer;
    Optimizer::State state;
    double learning_rate;
    double loss_scale;
    int64_t good_updates;
  };
  struct Contents;

  void Plan(const Contents& contents, const CheckpointPart& part);
  void PlanOptimizer(const Contents& contents, const CheckpointPart& part);
  void PlanStreams(const Contents& contents, const TensorContext& context);

  std::string checksum_;
  std::vector<std::pair<std::string, std::string>> values_;  // (name, text)
  Assignment modules_;
  std::vector<OptimizerState> optimizers_;
  TensorContext::ReadyStreams streams_;
  uint64_t batches_ = 0;
};

}  // namespace eta::tensor
