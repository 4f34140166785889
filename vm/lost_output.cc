#include "vm/lost_output.h"

#include <algorithm>
#include <utility>

#include "base/mutex.h"
#include "base/thread_annotations.h"

namespace eta {
namespace {

Mutex g_mu;
std::vector<Loss> g_losses GUARDED_BY(g_mu);

}  // namespace

void NoteLoss(std::string where, int error) {
  MutexLock lock(g_mu);
  const bool is_first = std::ranges::find(g_losses, where, &Loss::where) == g_losses.end();
  if (is_first) g_losses.push_back({std::move(where), error});
}

std::vector<Loss> Losses() {
  MutexLock lock(g_mu);
  return g_losses;
}

}  // namespace eta
