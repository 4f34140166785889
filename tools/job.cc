#include "tools/job.h"

#include <cstdlib>
#include <filesystem>
#include <utility>

#include "base/random_seed.h"
#include "parallel/core/job/connect.h"
#include "parallel/isolate/core_sets.h"
#include "parallel/isolate/extension_loader.h"
#include "parallel/isolate/rank_context.h"
#include "tools/version.h"

namespace eta {
namespace {

std::string CoresText() {
  std::string text;
  for (const parallel::CoreSet& node : parallel::UsableCoresByNode()) {
    for (const int core : node) text += std::to_string(core) + ' ';
  }
  return text;
}

// What would have processes train differently, by the names that users know it by.
std::string Agreement(const Options& options) {
  std::string text = "etai " + std::string(kVersion) + "\n";
  const auto flag = [&](bool on, const char* name) {
    if (on) text += std::string(name) + "\n";
  };
  text += "program " + std::filesystem::path(options.file).filename().string() + "\n";
  text += "--dtype " + (options.dtype.empty() ? std::string("float64") : options.dtype) + "\n";
  text += "--backend " + options.backend + "\n";
  flag(options.deterministic, "--deterministic");
  flag(options.split, "--split");
  flag(options.skip_nonfinite, "--on-nonfinite skip");
  text += std::string("--on-failure ") + parallel::NameOf(options.on_failure) + "\n";
  flag(!options.capture, "--no-capture");
  return text;
}

}  // namespace

Expected<std::shared_ptr<parallel::Link>, std::string> JoinJob(const Options& options,
                                                               int replicas) {
  auto transport =
      parallel::ConnectProcesses([](const char* name) -> const char* { return std::getenv(name); },
                                 parallel::ExtensionFolder(), options.stall_timeout());
  if (!transport) return Unexpected(transport.error().message);
  if (*transport == nullptr) return std::shared_ptr<parallel::Link>();
  if (options.on_failure == parallel::OnFailure::kShrink) {
    return Unexpected(std::string("--on-failure shrink is for replicas of one process"));
  }
  auto link = parallel::Link::Connect(std::move(*transport),
                                      {.ranks = replicas,
                                       .seed = RandomSeed(),
                                       .cores = CoresText(),
                                       .agreement = Agreement(options)},
                                      options.stall_timeout());
  if (!link) return Unexpected(link.error().message);
  return std::move(*link);
}

}  // namespace eta
