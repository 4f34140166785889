#include "tests/parallel/training/replicas.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <latch>
#include <thread>

#include "parallel/core/link/link.h"
#include "parallel/core/world.h"
#include "parallel/isolate/host.h"
#include "parallel/isolate/place.h"
#include "parallel/training/exchange_place.h"
#include "tests/fakes/host_device.h"
#include "tests/fakes/loopback.h"
#include "torch/bindings.h"
#include "torch/context.h"
#include "torch/extension.h"
#include "vm/diagnostics.h"
#include "vm/vm.h"

namespace eta::parallel {
namespace {

class Capture final : public Console {
 public:
  explicit Capture(ReplicaResult* result) : result_(result) {}
  void WriteOut(std::string_view bytes) override { result_->output.append(bytes); }
  void WriteError(std::string_view bytes) override { result_->complaints.append(bytes); }
  void Flush() override {}
  std::string ReadLine() override { return ""; }

 private:
  ReplicaResult* result_;
};

std::unique_ptr<Vm> MakeVm(int rank, int ranks, const ReplicaOptions& given,
                           ReplicaResult* result) {
  Vm::Options options;
  options.console = std::make_unique<Capture>(result);
  auto vm = std::make_unique<Vm>(std::move(options));
  PrepareVm(*vm, {.threads = 1, .shards = given.shards, .capture = given.capture}, rank, ranks);
  vm->Attach(tensor::kTensorSettings, std::make_shared<tensor::TensorSettings>(
                                          tensor::TensorSettings{.rank = rank,
                                                                 .world_size = ranks,
                                                                 .seed = 3,
                                                                 .threads = 1,
                                                                 .device = given.device,
                                                                 .shards = given.shards,
                                                                 .capture = given.capture}));
  return vm;
}

void RunProgram(Vm& vm, int rank, const std::string& program, ReplicaResult* result) {
  tensor::InstallTensors(vm);
  const std::string text =
      "(import std.core) (define rank " + std::to_string(rank) + ") " + program;
  if (vm.RunText(text, "train.eta")) return;
  const Vm::Pending& pending = vm.pending();
  const SourceSpan span = PendingSpan(vm, pending);
  result->place = PlaceText(span, vm.File(span));
  if (!vm.diagnostic().message.empty()) {
    result->error = vm.diagnostic().message;
  } else if (pending.kind == Vm::Pending::Kind::kExit) {
    result->error = "exit " + std::to_string(pending.status);
  } else {
    const std::string tag = IsSymbol(pending.tag) ? SymbolName(pending.tag) + ": " : "";
    result->error = tag + PendingMessage(pending);
  }
}

std::vector<Device> DevicesOf(int here, const ReplicaOptions& options) {
  if (options.gpus.empty()) return std::vector<Device>(static_cast<size_t>(here));
  std::vector<Device> devices;
  for (size_t gpu = 0; gpu < options.gpus.size(); ++gpu) {
    const Device device{Device::Kind::kCuda, static_cast<int16_t>(gpu)};
    devices.insert(devices.end(), static_cast<size_t>(options.gpus[gpu]), device);
  }
  return devices;
}

void RunRank(const std::shared_ptr<World>& world, std::latch* all_joined, int rank,
             const std::string& program, const ReplicaOptions& options, ReplicaResult* result) {
  auto member = World::Join(world, rank);
  ASSERT_TRUE(member) << member.error().message;
  all_joined->arrive_and_wait();
  {
    const auto vm = MakeVm(rank, world->size(), options, result);
    vm->Attach(RankContext::kKey,
               std::shared_ptr<RankContext>(new RankContext{**member, options.launch}));
    if (!options.gpus.empty()) {
      const Device device = DevicesOf(world->size(), options)[static_cast<size_t>(rank)];
      const auto tensors = tensor::TensorContext::Of(*vm).device();
      vm->Attach(ExchangePlace::kKey,
                 std::make_shared<ExchangePlace>(device, std::make_shared<HostStream>(), tensors));
    }
    RunProgram(*vm, rank, program, result);
  }
  result->meetings = world->board().View(rank).sequence;
  result->phases = world->board().log(rank).Last(PhaseLog::kUsualCapacity);
  if (result->error.empty()) {
    (*member)->Return();
  } else if (result->error.starts_with("exit ")) {
    (*member)->Exit(std::atoi(result->error.c_str() + 5), result->place);
  } else {
    (*member)->Fail(result->place, result->error);
  }
}

// The ranks of this process, or of one of several.
void RunRanks(int here, std::shared_ptr<Link> link, const std::string& program,
              const ReplicaOptions& options, std::vector<ReplicaResult>* results) {
  auto world = World::Create({.devices = DevicesOf(here, options),
                              .link = std::move(link),
                              .backend = options.backend,
                              .device_ops = MakeHostDeviceOps(),
                              .stall_timeout = options.stall_timeout,
                              .cores = options.cores});
  ASSERT_TRUE(world) << world.error().message;
  const Seats& seats = (*world)->seats();
  std::latch all_joined(seats.here);
  std::vector<std::thread> threads;
  for (int rank = seats.first; rank < seats.end(); ++rank) {
    threads.emplace_back(RunRank, *world, &all_joined, rank, program, std::cref(options),
                         &(*results)[static_cast<size_t>(rank)]);
  }
  for (std::thread& thread : threads) thread.join();
  (*world)->Wait();
}

bool WantsProcesses(const ReplicaOptions& options) {
  return options.backend == "mpi" ||
         (std::getenv("REPLICA_PROCESSES") != nullptr && options.backend == "auto");
}

LoopbackJob TwoProcesses(const ReplicaOptions& options) {
  return options.backend == "mpi" ? LoopbackJob(2, {"one", "other"}) : LoopbackJob(2);
}

}  // namespace

ReplicaOptions ReplicaSetting::OptionsFor(int ranks) const {
  ReplicaOptions options{.backend = backend};
  for (int left = per_gpu > 0 ? ranks : 0; left > 0; left -= per_gpu) {
    options.gpus.push_back(std::min(left, per_gpu));
  }
  return options;
}

std::vector<ReplicaResult> RunReplicas(int ranks, const std::string& program,
                                       const ReplicaOptions& options) {
  std::vector<ReplicaResult> results(static_cast<size_t>(ranks));
  if (ranks == 1 && options.shards == 0) {
    const auto vm = MakeVm(0, 1, options, &results[0]);
    RunProgram(*vm, 0, program, &results[0]);
    return results;
  }
  if (ranks > 1 && WantsProcesses(options)) {
    LoopbackJob job = TwoProcesses(options);
    RunProcesses(job, {{.ranks = (ranks + 1) / 2}, {.ranks = ranks / 2}},
                 [&](size_t, const Result<std::shared_ptr<Link>>& link) {
                   ASSERT_TRUE(link) << link.error().message;
                   RunRanks((*link)->seats().here, *link, program, options, &results);
                 });
  } else {
    RunRanks(ranks, nullptr, program, options, &results);
  }
  return results;
}

std::string OutputOf(int ranks, const std::string& program, const ReplicaOptions& options) {
  const auto results = RunReplicas(ranks, program, options);
  for (const ReplicaResult& result : results) {
    EXPECT_EQ(result.error, "") << ranks << " ranks";
    EXPECT_EQ(result.output, results[0].output) << ranks << " ranks";
  }
  return results[0].output;
}

std::vector<double> NumbersIn(const std::string& text) {
  std::vector<double> numbers;
  const char* at = text.c_str();
  while (*at != '\0') {
    char* end;
    const double number = std::strtod(at, &end);
    if (end != at) numbers.push_back(number);
    at = end != at ? end : at + 1;
  }
  return numbers;
}

void ExpectClose(const std::string& expected, const std::string& actual, double tolerance) {
  const std::vector<double> a = NumbersIn(expected), b = NumbersIn(actual);
  ASSERT_EQ(a.size(), b.size()) << expected << "\n" << actual;
  ASSERT_FALSE(a.empty());
  for (size_t i = 0; i < a.size(); ++i) {
    ASSERT_LE(std::abs(a[i] - b[i]), tolerance * std::max(std::abs(a[i]), 1e-3)) << "number " << i;
  }
}

}  // namespace eta::parallel
