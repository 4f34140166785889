#include "tools/run_record.h"

#include <cstdio>
#include <filesystem>
#include <utility>

#include "parallel/core/run_stats.h"
#include "tools/program.h"
#include "vm/utf8.h"

namespace eta {
namespace {

using parallel::Journal;
using parallel::PhaseLog;
using parallel::TraceWriter;

std::string TitleOf(const std::string& file) {
  const std::string name = std::filesystem::path(file).filename();
  return FindInvalidUtf8(name) == std::string::npos ? name : "etai";
}

}  // namespace

Expected<std::unique_ptr<RunRecord>, std::string> RunRecord::Begin(const Options& options,
                                                                   int replicas,
                                                                   const parallel::Link* link) {
  const size_t capacity = options.trace.empty() ? PhaseLog::kUsualCapacity : TraceWriter::kCapacity;
  auto journal =
      std::make_shared<Journal>(replicas, capacity, link == nullptr ? 0 : link->seats().first);
  std::unique_ptr<RunRecord> record(new RunRecord(journal, options.stats));
  if (!options.trace.empty()) {
    const bool first = link == nullptr || link->process() == 0;
    const std::string path = options.trace + (first ? "" : '.' + std::to_string(link->process()));
    auto trace = TraceWriter::Create(path, journal, TitleOf(options.file));
    if (!trace) return Unexpected(std::move(trace.error()));
    record->trace_ = std::move(*trace);
  }
  return record;
}

bool RunRecord::Finish() {
  if (finished_.exchange(true)) return true;
  if (stats_) {
    std::fputs(StatsTable(*journal_, parallel::PhaseClock()).c_str(), stderr);
  }
  if (trace_ == nullptr) return true;
  const auto written = trace_->Finish();
  if (!written) PrintError(written.error());
  return static_cast<bool>(written);
}

}  // namespace eta
