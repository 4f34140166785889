// TraceWriter: writes what the ranks of a journal do to a file that Perfetto and Chrome's
// about:tracing open: one line per rank, and one for what goes on beside it.
//
//   auto trace = TraceWriter::Create("run.json", journal, "train.eta");
//   ... the ranks run ...
//   if (auto written = (*trace)->Finish(); !written) ... written.error() ...
//
// A thread of its own takes the records from the logs every few milliseconds, so that the ranks
// are not slowed down; records that it was too slow for are counted in the file. The file gets its
// name when it is complete, so there never is half a trace. Where the name is a symbolic link, that
// is its target's. What is there but is no file, such as a pipe, is written to from the beginning.
#pragma once

#include <atomic>
#include <cstdio>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "base/expected.h"
#include "base/mutex.h"
#include "base/thread_annotations.h"
#include "parallel/core/phase_log.h"

namespace eta::parallel {

// Thread safety: any thread.
class TraceWriter {
 public:
  // Of each rank's log, so that it lasts until the next look.
  static constexpr size_t kCapacity = 1 << 14;

  // `title` is the program's name, in UTF-8. Error: one sentence. A pipe is waited for until
  // somebody reads it.
  static Expected<std::unique_ptr<TraceWriter>, std::string> Create(
      std::string path, std::shared_ptr<const Journal> journal, const std::string& title);
  // Finishes.
  ~TraceWriter();
  TraceWriter(const TraceWriter&) = delete;
  TraceWriter& operator=(const TraceWriter&) = delete;

  // Writes what has happened up to now and names the file; later calls do nothing. Error: one
  // sentence; there is no new file then.
  Expected<Ok, std::string> Finish() EXCLUDES_LOCK(mu_);

 private:
  TraceWriter(std::string path, std::string temporary, FILE* file,
              std::shared_ptr<const Journal> journal);
  void WriteHead(const std::string& title) REQUIRES_LOCK(mu_);
  void WriteName(const char* what, int thread, const std::string& name) REQUIRES_LOCK(mu_);
  void WriteNews() REQUIRES_LOCK(mu_);
  void Write(int rank, const PhaseRecord& record) REQUIRES_LOCK(mu_);
  void WriteUntilFinished() EXCLUDES_LOCK(mu_);
  Expected<Ok, std::string> Close() REQUIRES_LOCK(mu_);

  const std::string path_;
  const std::string temporary_;  // its name until it is complete; empty: it has its own
  const std::shared_ptr<const Journal> journal_;
  Mutex mu_;
  CondVar changed_;
  FILE* file_ GUARDED_BY(mu_);                  // null when finished
  std::vector<uint64_t> next_ GUARDED_BY(mu_);  // by rank: the first record not yet written
  uint64_t lost_ GUARDED_BY(mu_) = 0;
  int64_t origin_ns_ = 0;  // where the trace's time begins
  std::thread thread_;
};

// A string as JSON has it, with its quotes. REQUIRES: UTF-8.
std::string JsonString(std::string_view text);

}  // namespace eta::parallel
