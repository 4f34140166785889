// RunRecord: what etai keeps of a run for --trace and --stats.
#pragma once

#include <atomic>
#include <memory>
#include <string>

#include "base/expected.h"
#include "parallel/core/link/link.h"
#include "parallel/core/phase_log.h"
#include "parallel/core/trace_writer.h"
#include "tools/options.h"

namespace eta {

// Thread safety: any thread.
class RunRecord {
 public:
  // Error: the trace cannot be written; one sentence.
  // Each process of a job traces its own `replicas`: all but the first put their number behind the
  // file's name. `link` may be null.
  static Expected<std::unique_ptr<RunRecord>, std::string> Begin(const Options& options,
                                                                 int replicas,
                                                                 const parallel::Link* link);

  // Where the replicas note what they do.
  const std::shared_ptr<parallel::Journal>& journal() const { return journal_; }

  // Completes the trace, and shows the table on stderr; once, later calls do nothing. False: the
  // trace could not be written, which has been said.
  bool Finish();

 private:
  RunRecord(std::shared_ptr<parallel::Journal> journal, bool stats)
      : journal_(std::move(journal)), stats_(stats) {}

  const std::shared_ptr<parallel::Journal> journal_;
  const bool stats_;
  std::unique_ptr<parallel::TraceWriter> trace_;  // null: none is wanted
  std::atomic<bool> finished_{false};
};

}  // namespace eta
