#include "parallel/isolate/rank_console.h"

namespace eta::parallel {
namespace {

// Adds `bytes` to `line` and hands each line that is complete to `write`.
template <class Write>
void SplitLines(std::string_view bytes, std::string* line, const Write& write) {
  for (size_t end; (end = bytes.find('\n')) != std::string_view::npos;) {
    line->append(bytes.substr(0, end + 1));
    write(*line);
    line->clear();
    bytes.remove_prefix(end + 1);
  }
  line->append(bytes);
}

}  // namespace

RankConsole::RankConsole(SharedStreams& streams, int rank, OutputMode mode)
    : streams_(streams),
      rank_(rank),
      mode_(mode),
      prefix_(mode == OutputMode::kLines ? "" : "[" + std::to_string(rank) + "] ") {
  streams_.Add(*this);
}

RankConsole::~RankConsole() {
  streams_.Remove(*this);
  CompleteLines();
  Flush();
}

void RankConsole::WriteOut(std::string_view bytes) {
  if (mode_ != OutputMode::kFirst) {
    MutexLock lock(mu_);
    SplitLines(bytes, &out_line_,
               [this](const std::string& line) { streams_.WriteOut(prefix_ + line); });
  } else if (rank_ == 0) {
    streams_.WriteOut(bytes);
  }
}

void RankConsole::WriteError(std::string_view bytes) {
  Flush();
  MutexLock lock(mu_);
  SplitLines(bytes, &error_line_, [this](const std::string& line) { streams_.WriteError(line); });
}

void RankConsole::CompleteLines() {
  MutexLock lock(mu_);
  if (!out_line_.empty()) streams_.WriteOut(prefix_ + out_line_ + '\n');
  if (!error_line_.empty()) streams_.WriteError(error_line_ + '\n');
  out_line_.clear();
  error_line_.clear();
}

bool RankConsole::WritesFile(std::string_view path) {
  if (rank_ == 0 || mode_ != OutputMode::kFirst) return streams_.WritesFile(path);
  if (streams_.FirstNote()) {
    streams_.WriteError("note: rank 0 alone changes files, such as '" + std::string(path) +
                        "'; with --output all every rank does\n");
  }
  return false;
}

}  // namespace eta::parallel
