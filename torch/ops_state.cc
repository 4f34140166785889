// Files of named tensors, and checkpoints.
#include "torch/op.h"
#include "torch/op_table.h"
#include "torch/state/checkpoint.h"
#include "torch/state/tensor_file.h"
#include "vm/list_walker.h"

namespace eta::tensor {
namespace {

using ModulePtr = std::shared_ptr<Module>;

std::vector<NamedParameter> StateOf(const Module& module) {
  auto state = module.Parameters();
  const auto buffers = module.Buffers();
  state.insert(state.end(), buffers.begin(), buffers.end());
  return state;
}

// From a list of pairs (name . tensor); names are strings or symbols.
void AddPairs(Value list, TensorsToStore* tensors) {
  ListWalker walk(list);
  for (; walk.More(); walk.Next()) {
    const Value pair = walk.item();
    const bool named = IsPair(pair) && (IsString(Car(pair)) || IsSymbol(Car(pair)));
    TORCH_CHECK(named && TensorIn(Cdr(pair)), "pairs of a name and a tensor required");
    const Value name = Car(pair);
    tensors->Add(IsString(name) ? std::string(StringView(name)) : SymbolName(name),
                 *TensorIn(Cdr(pair)));
  }
  TORCH_CHECK(walk.IsProper(), "module or list of pairs (name . tensor) required");
}

void Save(Call& call, const std::string& path, Value what) {
  TensorsToStore tensors;
  if (const auto* module = ModuleIn(what)) {
    tensors.AddAll("", StateOf(**module));
  } else {
    AddPairs(what, &tensors);
  }
  if (call.vm().console().WritesFile(path)) tensors.Write(path);
}

Value Load(Call& call, const std::string& path) {
  const Safetensors file = ReadSafetensors(path);
  RootVector pairs(call.vm().heap());
  for (const StoredTensor& stored : file.tensors()) {
    const Root name(call.vm().heap(), call.vm().String(stored.name));
    const Root tensor(call.vm().heap(),
                      WrapTensor(call.vm(), ToTensor(stored).to(call.context().device())));
    pairs.push_back(call.vm().heap().Cons(name, tensor));
  }
  return call.vm().heap().List(pairs.span());
}

Value LoadInto(Call& call, const std::string& path, const Module& module) {
  Assignment assignment;
  assignment.Plan(ReadSafetensors(path), path, "", StateOf(module), /*may_convert=*/true);
  call.Commit();
  assignment.Assign();
  return call.args()[1];
}

CheckpointWorld* WorldOf(const Vm& vm) { return vm.Attachment<CheckpointWorld>(kCheckpointWorld); }

Value SaveAlone(Call& call) {
  const std::string path = PathIn(call.args()[0]);
  const auto parts = ReadParts(call.args()[1]);
  RunState run{.streams = call.context().GetStreams()};
  run.own_streams = {run.streams.own};
  if (call.vm().console().WritesFile(path)) SaveCheckpoint(call.vm(), path, parts, run);
  return Value::Nil();
}

Value SaveParts(Vm& vm, Args args) {
  if (CheckpointWorld* world = WorldOf(vm)) return world->Save(args);
  return RunOperation(vm, kSaveCheckpoint, args, SaveAlone);
}

Value LoadAlone(Call& call) {
  std::optional<LoadedCheckpoint> loaded;
  Root values(call.vm().heap());
  if (PrepareLoad(call, &loaded, &values).IsFailure()) return Value::Failure();
  loaded->Commit(call.context());
  return values;
}

Value LoadParts(Vm& vm, Args args) {
  if (CheckpointWorld* world = WorldOf(vm)) return world->Load(args);
  return RunOperation(vm, kLoadCheckpoint, args, LoadAlone);
}

Value GatherState(Vm& vm, Args args) {
  if (CheckpointWorld* world = WorldOf(vm)) return world->GatherState(args);
  return RunOperation(vm, kGatherState, args, [](Call& call) {
    return OptimizerIn(call.args()[0]) ? Value::Nil() : call.BadArgument("optimizer required");
  });
}

constexpr NativeDef kOps[] = {
    {kSaveCheckpoint.name, SaveParts, 2, 2,
     "(optim/save-checkpoint path parts): writes modules, optimizers, values, a list of pairs "
     "(name "
     ". part), and the random streams to a file; replicas together write one"},
    {kLoadCheckpoint.name, LoadParts, 3, 3,
     "(optim/load-checkpoint path parts check): lets modules and optimizers be as they were; the "
     "values, a list of pairs, with which (check values) is called before anything changes"},
    {kGatherState.name, GatherState, 1, 1,
     "(optim/gather-state! optimizer): lets each replica have the whole state of an optimizer, of "
     "which it may have updated a part only"},
    Op<"torch/save-safetensors">(
        [](Call& call, const std::string& path, Value what) { Save(call, path, what); },
        "(torch/save-safetensors path what): writes the parameters and buffers of a module, or a "
        "list of pairs (name . tensor), to a file"),
    Op<"torch/load-safetensors">(
        [](Call& call, const std::string& path, const std::optional<ModulePtr>& module) {
          return module ? LoadInto(call, path, **module) : Load(call, path);
        },
        "(torch/load-safetensors path [module]): the tensors in a file, a list of pairs (name . "
        "tensor); or the module, with their values"),
};

const OpTable table(kOps);

}  // namespace

}  // namespace eta::tensor
