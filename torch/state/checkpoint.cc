#include "torch/state/checkpoint.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <unordered_set>
#include <utility>

#include "vm/equality.h"
#include "vm/printer.h"
#include "vm/quote.h"
#include "vm/reader.h"

namespace eta::tensor {
namespace {

using nlohmann::json;

constexpr const char* kDescription = "eta.checkpoint";
constexpr const char* kStreams = "eta.streams/";
constexpr const char* kCommonStreams = "eta.streams/common/";

std::string Slot(const std::string& part, const std::string& parameter, int state) {
  return part + "/" + parameter + "/" + std::to_string(state);
}

std::string StreamsOf(size_t rank) {
  return std::string(kStreams) + "rank" + std::to_string(rank) + "/";
}

std::vector<std::string> NamesOf(const Optimizer& optimizer) {
  std::vector<std::string> names;
  for (const NamedParameter& parameter : optimizer.parameters()) names.push_back(parameter.name);
  return names;
}

// What a text that Print wrote stands for; nothing if that is no data.
std::optional<Value> ParseValue(Vm& vm, const std::string& text) {
  DatumArena arena;
  const auto read = Read(text, /*file=*/0, vm.names(), arena);
  if (!read || read->size() != 1) return std::nullopt;
  return DatumToValue(vm, (*read)[0]);
}

// --- Saving -------------------------------------------------------------------------------------

// Text that reads back as an equal value.
std::string TextOf(Vm& vm, const CheckpointPart& part) {
  const std::string text = ToText(vm, part.value, PrintMode::kWrite);
  const auto parsed = ParseValue(vm, text);
  const Root again(vm.heap(), parsed.value_or(Value::Nil()));
  TORCH_CHECK(parsed && Equal(vm, again, part.value), "the part '", part.name,
              "' cannot be saved: it is no module, optimizer, schedule, number, string, symbol, or "
              "list or vector of such");
  return text;
}

json Describe(const Optimizer& optimizer) {
  return {{"kind", "optimizer"},
          {"rule", optimizer.name()},
          {"learning_rate", optimizer.settings.learning_rate},
          {"loss_scale", optimizer.loss_scale.factor()},
          {"good_updates", optimizer.loss_scale.good_updates()},
          {"parameters", NamesOf(optimizer)},
          {"steps", optimizer.GetState().steps}};
}

// Inside with-average, what is saved or loaded as a state would be the parameters.
void CheckInPlace(const CheckpointPart& part) {
  TORCH_CHECK(!part.optimizer->averages_exchanged(), "the parameters of the optimizer '", part.name,
              "' are exchanged for their averages");
}

void AddState(const CheckpointPart& part, TensorsToStore* tensors) {
  const Optimizer& optimizer = *part.optimizer;
  TORCH_CHECK(optimizer.batches == 0 && optimizer.accumulated.denominator == 0, "the optimizer '",
              part.name,
              "' has gathered gradients that it has not used yet: save after its update");
  CheckInPlace(part);
  const Optimizer::State state = optimizer.GetState();
  for (size_t i = 0; i < state.tensors.size(); ++i) {
    for (int k = 0; k < kMaxStates; ++k) {
      const Tensor& tensor = state.tensors[i][k];
      if (tensor.defined())
        tensors->Add(Slot(part.name, optimizer.parameters()[i].name, k), tensor);
    }
  }
}

json Save(Vm& vm, const CheckpointPart& part, TensorsToStore* tensors) {
  if (part.optimizer) {
    AddState(part, tensors);
    return Describe(*part.optimizer);
  }
  if (!part.module) return {{"kind", "value"}, {"text", TextOf(vm, part)}};
  tensors->AddAll(part.name + "/", part.module->Parameters());
  tensors->AddAll(part.name + "/", part.module->Buffers());
  return {{"kind", "module"}};
}

}  // namespace

std::string PathIn(Value v) {
  TORCH_CHECK(IsString(v), "path string required");
  return std::string(StringView(v));
}

Value PrepareLoad(Call& call, std::optional<LoadedCheckpoint>* loaded, Root* values) {
  if (!IsProcedure(call.args()[2])) return call.Fail("procedure of one argument required");
  const auto parts = ReadParts(call.args()[1]);
  loaded->emplace(call, PathIn(call.args()[0]), parts);
  *values = (*loaded)->Values(call.vm());
  call.Commit();  // the procedure may do anything
  const Value given[] = {*values};
  return call.vm().Call(call.args()[2], given);
}

std::vector<CheckpointPart> ReadParts(Value list) {
  std::vector<CheckpointPart> parts;
  std::unordered_set<std::string> names;
  for (; IsPair(list); list = Cdr(list)) {
    const Value pair = Car(list);
    TORCH_CHECK(IsPair(pair) && IsSymbol(Car(pair)),
                "a part is a name, a quoted symbol, and a value");
    CheckpointPart part{.name = SymbolName(Car(pair)), .value = Cdr(pair)};
    TORCH_CHECK(part.name.find('/') == part.name.npos && !part.name.starts_with("eta."),
                "a part cannot be called '", part.name, "'");
    TORCH_CHECK(names.insert(part.name).second, "two parts are called '", part.name, "'");
    if (const auto* module = ModuleIn(part.value)) part.module = *module;
    if (const auto* optimizer = OptimizerIn(part.value)) part.optimizer = *optimizer;
    parts.push_back(std::move(part));
  }
  TORCH_CHECK(list.IsNil(), "list of parts required");
  return parts;
}

void SaveCheckpoint(Vm& vm, const std::string& path, const std::vector<CheckpointPart>& parts,
                    const RunState& run) {
  TensorsToStore tensors;
  json described = json::object();
  for (const CheckpointPart& part : parts) described[part.name] = Save(vm, part, &tensors);
  for (const auto& [device, state] : run.streams.common) {
    tensors.Add(kCommonStreams + device, state);
  }
  for (size_t rank = 0; rank < run.own_streams.size(); ++rank) {
    for (const auto& [device, state] : run.own_streams[rank]) {
      tensors.Add(StreamsOf(rank) + device, state);
    }
  }
  const json description = {{"parts", described},
                            {"seed", run.streams.seed},
                            {"maps", run.streams.maps},
                            {"ranks", run.own_streams.size()},
                            {"batches", run.batches}};
  tensors.Write(path, {{kDescription, description.dump()}});
}

// --- Loading ------------------------------------------------------------------------------------

struct LoadedCheckpoint::Contents {
  const std::string& path;
  const Safetensors& file;
  json description;

  // Throws c10::Error if there is no such part of that kind.
  const json& Part(const CheckpointPart& part, const char* kind) const {
    const json& parts = description.at("parts");
    const auto found = parts.find(part.name);
    if (found == parts.end()) {
      std::string there;
      for (const auto& [name, ignored] : parts.items()) there += " " + name;
      TORCH_CHECK(false, "'", path, "' has no part '", part.name, "', only:", there);
    }
    const auto stored = found->at("kind").get<std::string>();
    TORCH_CHECK(stored == kind, "the part '", part.name, "' of '", path, "' is of kind ", stored,
                ", not ", kind);
    return *found;
  }

  // The states of streams by device.
  std::map<std::string, Tensor> Streams(const std::string& prefix) const {
    std::map<std::string, Tensor> streams;
    for (const StoredTensor& stored : file.tensors()) {
      if (!stored.name.starts_with(prefix)) continue;
      streams[stored.name.substr(prefix.size())] = ToTensor(stored);
    }
    return streams;
  }
};

LoadedCheckpoint::LoadedCheckpoint(Call& call, const std::string& path,
                                   const std::vector<CheckpointPart>& parts) {
  const Safetensors file = ReadSafetensors(path);
  const auto description = file.metadata().find(kDescription);
  TORCH_CHECK(description != file.metadata().end() && !file.checksum().empty(), "'", path,
              "' is no checkpoint");
  checksum_ = file.checksum();
  try {
    const Contents contents{path, file, json::parse(description->second)};
    for (const CheckpointPart& part : parts) Plan(contents, part);
    for (const auto& [name, part] : contents.description.at("parts").items()) {
      if (part.at("kind") == "value") values_.emplace_back(name, part.at("text"));
    }
    batches_ = contents.description.at("batches");
    PlanStreams(contents, call.context());
  } catch (const json::exception&) {
    TORCH_CHECK(false, "'", path, "' is no checkpoint of this version");
  }
}

void LoadedCheckpoint::Plan(const Contents& contents, const CheckpointPart& part) {
  if (part.optimizer) return PlanOptimizer(contents, part);
  if (!part.module) return (void)contents.Part(part, "value");
  contents.Part(part, "module");
  auto places = part.module->Parameters();
  const auto buffers = part.module->Buffers();
  places.insert(places.end(), buffers.begin(), buffers.end());
  modules_.Plan(contents.file, contents.path, part.name + "/", places, /*may_convert=*/false);
}

void LoadedCheckpoint::PlanOptimizer(const Contents& contents, const CheckpointPart& part) {
  const json& stored = contents.Part(part, "optimizer");
  const Optimizer& optimizer = *part.optimizer;
  CheckInPlace(part);
  const auto rule = stored.at("rule").get<std::string>();
  TORCH_CHECK(rule == optimizer.name(), "the optimizer '", part.name, "' of '", contents.path,
              "' is ", rule, ", not ", optimizer.name());
  TORCH_CHECK(stored.at("parameters").get<std::vector<std::string>>() == NamesOf(optimizer),
              "the optimizer '", part.name, "' of '", contents.path, "' has other parameters");
  OptimizerState planned{part.optimizer,
                         {},
                         stored.at("learning_rate"),
                         stored.at("loss_scale"),
                         stored.at("good_updates")};
  planned.state.steps = stored.at("steps").get<std::vector<int64_t>>();
  TORCH_CHECK(planned.state.steps.size() == optimizer.parameters().size(), "'", contents.path,
              "' does not count the steps of all parameters");
  for (size_t i = 0; i < optimizer.parameters().size(); ++i) {
    const NamedParameter& parameter = optimizer.parameters()[i];
    auto& tensors = planned.state.tensors.emplace_back();
    for (int k = 0; k < kMaxStates; ++k) {
      const std::string name = Slot(part.name, parameter.name, k);
      const StoredTensor* found = contents.file.Find(name);
      const bool expected = planned.state.steps[i] > 0 && k < optimizer.StateCountOf(i);
      TORCH_CHECK(!expected || found, "'", contents.path, "' has no tensor '", name,
                  "': the optimizer had other options");
      TORCH_CHECK(!found || k < optimizer.StateCountOf(i), "'", contents.path, "' has a tensor '",
                  name, "' more: the optimizer had other options");
      if (!found) continue;
      tensors[k] = ToTensor(*found);
      TORCH_CHECK(tensors[k].sizes() == parameter.tensor.sizes() &&
                      tensors[k].scalar_type() == parameter.tensor.scalar_type(),
                  "'", name, "' in '", contents.path, "' has another shape or dtype");
    }
  }
  optimizers_.push_back(std::move(planned));
}

void LoadedCheckpoint::PlanStreams(const Contents& contents, const TensorContext& context) {
  TensorContext::Streams streams{.seed = contents.description.at("seed"),
                                 .maps = contents.description.value("maps", uint64_t{0}),
                                 .common = contents.Streams(kCommonStreams)};
  const TensorSettings& settings = context.settings();
  if (contents.description.at("ranks") == settings.world_size) {
    streams.own = contents.Streams(StreamsOf(static_cast<size_t>(settings.rank)));
  }
  streams_ = context.MakeReady(streams);
}

Value LoadedCheckpoint::Values(Vm& vm) const {
  RootVector pairs(vm.heap());
  for (const auto& [name, text] : values_) {
    const Root value(vm.heap(), ParseValue(vm, text).value_or(Value::Nil()));
    pairs.push_back(vm.heap().Cons(vm.Symbol(name), value));
  }
  return vm.heap().List(pairs.span());
}

void LoadedCheckpoint::Commit(TensorContext& context) {
  modules_.Assign();
  for (OptimizerState& planned : optimizers_) {
    planned.optimizer->SetState(std::move(planned.state));
    planned.optimizer->settings.learning_rate = planned.learning_rate;
    planned.optimizer->loss_scale.Resume(planned.loss_scale, planned.good_updates);
  }
  context.SetStreams(std::move(streams_));
}

}  // namespace eta::tensor
