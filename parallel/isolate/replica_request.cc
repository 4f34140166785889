#include "parallel/isolate/replica_request.h"

#include <chrono>
#include <string_view>
#include <utility>
#include <vector>

#include "parallel/isolate/gpus.h"
#include "parallel/isolate/host.h"
#include "parallel/isolate/placement.h"

namespace eta::parallel {
namespace {

constexpr double kLongestStall = 1e9;  // seconds; nobody waits so long

bool IsNamed(Value v, std::string_view name) { return IsSymbol(v) && SymbolName(v) == name; }

// True if `value` is one of two symbols; `second` says which.
bool ReadChoice(Value value, std::string_view first_name, std::string_view second_name,
                bool* second) {
  *second = IsNamed(value, second_name);
  return *second || IsNamed(value, first_name);
}

// The devices of the replicas as --devices would have them.
Expected<std::vector<Device>, std::string> PlaceOn(std::string_view text, int replicas) {
  const auto choice = ParseDeviceChoice(text);
  if (!choice) return Unexpected(choice.error());
  const bool automatic = choice->kind == DeviceChoice::Kind::kAuto;
  const bool on_gpus = choice->kind == DeviceChoice::Kind::kGpus || (automatic && replicas == 1);
  return PlaceReplicas(*choice, replicas, on_gpus ? static_cast<int>(FindGpus().size()) : 0);
}

// --- Options ------------------------------------------------------------------------------------

// The reader gives what is to be said after the name if the value is wrong, or nothing.
struct Option {
  std::string_view name;
  std::string (*read)(Value value, ReplicaRequest* request);
};

std::string ReadThreads(Value value, ReplicaRequest* request) {
  if (!value.IsInt() || value.AsInt() < 1 || value.AsInt() > Crew::kMaxSize) {
    return " must be an integer from 1 to " + std::to_string(Crew::kMaxSize);
  }
  request->threads = static_cast<int>(value.AsInt());
  return "";
}

std::string ReadStallTimeout(Value value, ReplicaRequest* request) {
  const double seconds = IsNumber(value) ? ToDouble(value) : 0;
  if (!(seconds > 0) || seconds > kLongestStall) return " must be a number of seconds";
  request->group.stall_timeout =
      std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::duration<double>(seconds));
  return "";
}

std::string ReadOutput(Value value, ReplicaRequest* request) {
  bool all = false;
  if (!ReadChoice(value, "first", "all", &all)) return " must be 'first or 'all";
  request->group.output = all ? OutputMode::kAll : OutputMode::kFirst;
  return "";
}

std::string ReadOnNonfinite(Value value, ReplicaRequest* request) {
  bool skip = false;
  if (!ReadChoice(value, "stop", "skip", &skip)) return " must be 'stop or 'skip";
  request->group.launch.on_nonfinite = skip ? OnNonfinite::kSkip : OnNonfinite::kStop;
  return "";
}

std::string ReadOnFailure(Value value, ReplicaRequest* request) {
  const auto what = IsSymbol(value) ? ParseOnFailure(SymbolName(value)) : std::nullopt;
  if (!what) return " must be 'stop, 'heal or 'shrink";
  request->group.launch.on_failure = *what;
  return "";
}

std::string ReadSplit(Value value, ReplicaRequest* request) {
  if (!value.IsBool()) return " must be #t or #f";
  request->group.launch.split = value.IsTrue();
  return "";
}

std::string ReadDevices(Value value, ReplicaRequest* request) {
  if (!IsString(value)) return " must be a string like \"cpu\" or \"cuda:0,cuda:2\"";
  auto placed = PlaceOn(StringView(value), request->group.size);
  if (!placed) return ": " + placed.error();
  request->group.devices = std::move(*placed);
  return "";
}

std::string ReadBackend(Value value, ReplicaRequest* request) {
  if (!IsSymbol(value)) return " must be a symbol";
  request->group.backend = SymbolName(value);
  return "";
}

constexpr Option kOptions[] = {
    {"threads", ReadThreads}, {"stall-timeout", ReadStallTimeout},
    {"output", ReadOutput},   {"on-nonfinite", ReadOnNonfinite},
    {"split", ReadSplit},     {"devices", ReadDevices},
    {"backend", ReadBackend}, {"on-failure", ReadOnFailure},
};

// What is wrong with the option, or nothing.
std::string ReadOption(Value name, Value value, ReplicaRequest* request) {
  std::string names;
  for (const Option& option : kOptions) {
    const std::string quoted = "'" + std::string(option.name);
    if (IsNamed(name, option.name)) {
      const std::string wrong = option.read(value, request);
      return wrong.empty() ? "" : quoted + wrong;
    }
    names += (names.empty() ? "" : ", ") + quoted;
  }
  return "an option must be one of " + names;
}

}  // namespace

Expected<ReplicaRequest, std::string> ReadReplicaRequest(const Vm& vm, Args args) {
  if (!args[0].IsInt() || args[0].AsInt() < 1 || args[0].AsInt() > Crew::kMaxSize) {
    return Unexpected("the number of replicas must be an integer from 1 to " +
                      std::to_string(Crew::kMaxSize));
  }
  if (!IsProcedure(args[1])) {
    return Unexpected(std::string("the second argument must be a procedure"));
  }
  ReplicaRequest request;
  request.group.size = static_cast<int>(args[0].AsInt());
  if (std::string wrong = CheckShards(HostOf(vm).shards, request.group.size); !wrong.empty()) {
    return Unexpected(std::move(wrong));
  }
  request.group.devices.assign(static_cast<size_t>(request.group.size), HostOf(vm).devices[0]);
  request.group.backend = HostOf(vm).backend;
  if (const LaunchOptions* only = LaunchOptions::OfOnlyReplica(vm)) request.group.launch = *only;
  for (size_t i = 2; i < args.size(); i += 2) {
    if (i + 1 == args.size()) return Unexpected(std::string("the last option has no value"));
    std::string wrong = ReadOption(args[i], args[i + 1], &request);
    if (!wrong.empty()) return Unexpected(std::move(wrong));
  }
  return request;
}

}  // namespace eta::parallel
