// RankContext: what code that runs in an isolate knows of its place among the replicas. It is
// attached to the Vm of each rank of a group; a program that runs alone has none, and then nothing
// parallel happens.
//
//   if (RankContext* rank = RankContext::Of(vm)) rank->member.communicator().Barrier(site);
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "parallel/core/world.h"
#include "vm/vm.h"

namespace eta::parallel {

// What a step does when the summed gradient or the loss is not finite.
enum class OnNonfinite : uint8_t { kStop, kSkip };

// What replicas do when a training step fails on some of them.
enum class OnFailure : uint8_t { kStop, kHeal, kShrink };
const char* NameOf(OnFailure what);
// Of that name, if there is one.
std::optional<OnFailure> ParseOnFailure(std::string_view name);

// How the user wants training to behave; equal on all ranks.
struct LaunchOptions {
  static constexpr const char* kKey = "parallel.only-replica";

  bool split = false;  // train-step! takes the rank's rows of its batch itself
  OnNonfinite on_nonfinite = OnNonfinite::kStop;
  OnFailure on_failure = OnFailure::kStop;

  // Of a program that is to behave as replicas do but is the only one: it has no RankContext. Null:
  // the program has several replicas, or nobody asked for any.
  static const LaunchOptions* OfOnlyReplica(const Vm& vm) {
    return vm.Attachment<LaunchOptions>(kKey);
  }
};

// Thread safety: the isolate's thread. The member outlives the Vm.
struct RankContext {
  static constexpr const char* kKey = "parallel.rank";

  Member& member;
  LaunchOptions options;

  // The last error that a rank caused here: which, and what it says.
  struct Blame {
    int rank = -1;
    std::string message;
  };
  Blame blame;

  // Null if the program runs alone.
  static RankContext* Of(const Vm& vm) { return vm.Attachment<RankContext>(kKey); }
};

}  // namespace eta::parallel
