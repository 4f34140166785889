// RankConsole: the streams of one rank of a group. Standard output and files are rank 0's, unless
// all ranks were asked to write; then each line of output begins with its rank: "[2] loss 0.5".
// Every rank sees all of the standard input. Lines on standard error come out whole.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/mutex.h"
#include "base/thread_annotations.h"
#include "parallel/isolate/shared_streams.h"
#include "vm/console.h"

namespace eta::parallel {

enum class OutputMode : uint8_t {
  kFirst,  // rank 0
  kAll,    // everybody, lines with the rank in front
  kLines,  // everybody, plain lines
};

// Thread safety: the rank's thread, except CompleteLines.
class RankConsole final : public Console, private LineKeeper {
 public:
  // `streams` outlives the console.
  RankConsole(SharedStreams& streams, int rank, OutputMode mode);
  // Completes and writes lines that have no end yet.
  ~RankConsole() override;

  void WriteOut(std::string_view bytes) override EXCLUDES_LOCK(mu_);
  void WriteError(std::string_view bytes) override EXCLUDES_LOCK(mu_);
  void Flush() override { streams_.Flush(); }
  std::string ReadLine() override { return streams_.ReadLine(&input_position_); }
  // Says on standard error, once for all ranks, that files of ranks other than 0 are discarded.
  bool WritesFile(std::string_view path) override;

 private:
  void CompleteLines() override EXCLUDES_LOCK(mu_);

  SharedStreams& streams_;
  const int rank_;
  const OutputMode mode_;
  const std::string prefix_;
  Mutex mu_;
  std::string out_line_ GUARDED_BY(mu_);    // the line being made, if all ranks write
  std::string error_line_ GUARDED_BY(mu_);  // likewise
  size_t input_position_ = 0;
};

}  // namespace eta::parallel
