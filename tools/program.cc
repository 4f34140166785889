#include "tools/program.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <system_error>
#include <utility>

#include "parallel/isolate/extension_loader.h"
#include "parallel/isolate/insight.h"
#include "parallel/isolate/launcher.h"
#include "tools/extension_names.h"
#include "tools/job.h"
#include "tools/program_text.h"
#include "tools/run_plan.h"
#include "tools/run_record.h"
#include "vm/diagnostics.h"
#include "vm/heap_limit.h"
#include "vm/lost_output.h"
#include "vm/module_path.h"
#include "vm/standard_output.h"

namespace eta {
namespace {

DiagnosticStyle StderrStyle() { return {.color = WantsColor(STDERR_FILENO)}; }

void PrintToStderr(const std::string& text) { std::fwrite(text.data(), 1, text.size(), stderr); }

parallel::LaunchOptions LaunchOptionsOf(const Options& options) {
  using parallel::OnNonfinite;
  return {.split = options.split,
          .on_nonfinite = options.skip_nonfinite ? OnNonfinite::kSkip : OnNonfinite::kStop,
          .on_failure = options.on_failure};
}

parallel::HostOptions HostOf(const Options& options, const RunPlan& plan) {
  parallel::HostOptions host = Host(plan.threads, options.dtype);
  host.backend = options.backend;
  host.devices = plan.devices;
  host.shards = plan.shards;
  host.capture = options.capture;
  return host;
}

int RunAlone(const Options& options, const RunPlan& plan, Vm::Options vm_options,
             const std::optional<SourceFile>& text, RunRecord& record) {
  Vm vm(std::move(vm_options));
  parallel::Interruption interruption;
  parallel::Insight::Attach(vm, record.journal(), 0, &interruption);
  if (!plan.cores.empty()) parallel::PinThread(plan.cores[0]);
  parallel::PrepareVm(vm, HostOf(options, plan));
  if (options.heed_nonfinite) {
    vm.Attach(parallel::LaunchOptions::kKey,
              std::make_shared<parallel::LaunchOptions>(LaunchOptionsOf(options)));
  }
  vm.SetInterruptHook(parallel::HeedSignals);
  const parallel::SignalHandlers handlers(interruption, vm, record.journal()->log(0));
  const bool ran = parallel::RunLastAct(
      vm, text ? vm.RunText(text->text, text->path) : vm.RunFile(options.file));
  vm.console().Flush();
  if (ran) return 0;
  const std::string failure = RenderFailure(vm, StderrStyle());
  PrintToStderr(failure);
  return failure.empty() ? vm.pending().status : 1;
}

std::string Absolute(const std::string& path) {
  std::error_code error;
  const std::filesystem::path absolute = std::filesystem::absolute(path, error);
  return error ? path : absolute.string();
}

// A replica may change the process's directory while others still read the program.
std::vector<std::string> AbsoluteAll(std::vector<std::string> paths) {
  std::ranges::transform(paths, paths.begin(), Absolute);
  return paths;
}

int RunOnReplicas(const Options& options, const RunPlan& plan,
                  const std::shared_ptr<parallel::Link>& link, const Vm::Options& vm_options,
                  const std::optional<SourceFile>& text, RunRecord& record) {
  parallel::Interruption interruption;
  const parallel::SignalHandlers handlers(interruption);
  parallel::ReplicaOptions replicas;
  replicas.journal = record.journal();
  replicas.interruption = &interruption;
  replicas.before_exit = [&record] { record.Finish(); };
  replicas.replicas = plan.replicas();
  replicas.link = link;
  replicas.cores = plan.cores;
  replicas.file = text ? text->path : Absolute(options.file);
  if (text) replicas.text = text->text;
  if (options.all_output) replicas.output = parallel::OutputMode::kAll;
  replicas.show_backend = options.replicas_given && (!link || link->process() == 0);
  replicas.stats_follow = options.stats;
  replicas.launch = LaunchOptionsOf(options);
  replicas.stall_timeout = options.stall_timeout();
  replicas.host = HostOf(options, plan);
  if (link) replicas.host.first_rank = link->seats().first;
  replicas.vm_options = [&vm_options, path = AbsoluteAll(vm_options.search_path)](int rank) {
    Vm::Options copy;
    copy.heap = vm_options.heap;
    copy.search_path = path;
    copy.strict_shadows = vm_options.strict_shadows;
    copy.program_arguments = vm_options.program_arguments;
    if (rank == 0) copy.listing = vm_options.listing;
    return copy;
  };
  return RunReplicas(replicas);
}

}  // namespace

void PrintError(const std::string& message) {
  PrintToStderr(RenderMessage("error", message, StderrStyle()));
}

void PrintWarning(const std::string& message) {
  PrintToStderr(RenderMessage("warning", message, StderrStyle()));
}

Expected<Vm::Options, std::string> VmOptionsFromEnvironment(const std::optional<std::string>& path,
                                                            int vm_count) {
  auto limit = HeapLimitBytes(vm_count);
  if (!limit) return Unexpected(std::move(limit.error()));
  Vm::Options options;
  options.heap.limit_bytes = *limit;
  const char* stress = std::getenv("ETA_HEAP_STRESS");
  options.heap.stress = stress != nullptr && std::string_view(stress) == "1";
  const char* module_path = std::getenv("ETA_MODULE_PATH");
  options.search_path = SplitPath(path ? *path : module_path ? module_path : "");
  return options;
}

parallel::HostOptions Host(int threads, const std::string& dtype) {
  auto extension = std::make_shared<parallel::ExtensionLoader>(parallel::ExtensionPath());
  return {.extension = std::move(extension),
          .extension_names = ExtensionNames(),
          .threads = threads,
          .dtype = dtype};
}

int RunProgram(const Options& options) {
  auto plan = PlanRun(options);
  if (!plan) {
    PrintError(plan.error());
    return 1;
  }
  const auto link = JoinJob(options, plan->replicas());
  if (!link) {
    PrintError(link.error());
    return 1;
  }
  if (const auto settled = Settle(options, link->get(), &*plan); !settled) {
    PrintError(settled.error());
    return 1;
  }
  for (const std::string& warning : plan->warnings) PrintWarning(warning);
  auto vm_options = VmOptionsFromEnvironment(options.path, plan->replicas());
  if (!vm_options) {
    PrintError(vm_options.error());
    return 1;
  }
  vm_options->program_arguments = options.arguments;
  vm_options->strict_shadows = options.strict_shadows;
  std::optional<SourceFile> text;  // of a program that is in no file
  if (!IsInFile(options)) {
    auto program = ReadProgram(options);
    if (!program) {
      PrintError(program.error());
      return 1;
    }
    text = std::move(*program);
  }
  auto record = RunRecord::Begin(options, plan->replicas(), link->get());
  if (!record) {
    PrintError(record.error());
    return 1;
  }
  PrintToStderr(plan->placement);
  std::string listing;
  if (options.disassemble) vm_options->listing = &listing;
  // A step that is computed in shards is one of replicas, even if there is one only.
  const int status = plan->replicas() > 1 || plan->shards > 0 || *link != nullptr
                         ? RunOnReplicas(options, *plan, *link, *vm_options, text, **record)
                         : RunAlone(options, *plan, std::move(*vm_options), text, **record);
  WriteOutput(stdout, listing);
  return (*record)->Finish() ? status : std::max(status, 1);
}

int FinishOutput(int status) {
  FlushOutput(stdout);
  for (const Loss& loss : Losses()) {
    if (loss.error == EPIPE) continue;  // who reads through a pipe may have had enough
    PrintError("could not write to " + loss.where + ": " + std::strerror(loss.error));
    status = std::max(status, 1);
  }
  return status;
}

}  // namespace eta
