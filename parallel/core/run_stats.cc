#include "parallel/core/run_stats.h"

#include <algorithm>
#include <cstdarg>
#include <cstdio>
#include <numeric>

namespace eta::parallel {
namespace {

constexpr size_t kLastPhases = 6;  // of each rank, in a report

[[gnu::format(printf, 1, 2)]] std::string Format(const char* format, ...) {
  char text[160];
  va_list arguments;
  va_start(arguments, format);
  std::vsnprintf(text, sizeof(text), format, arguments);
  va_end(arguments);
  return text;
}

// "12.3 ms"
std::string TimeText(double seconds) {
  if (seconds >= 1) return Format("%.4g s", seconds);
  if (seconds >= 1e-3) return Format("%.3g ms", seconds * 1e3);
  return Format("%.3g us", seconds * 1e6);
}

// "12.3 MB"
std::string BytesText(uint64_t bytes) {
  const char* const units[] = {"B", "kB", "MB", "GB", "TB", "PB", "EB"};
  auto value = static_cast<double>(bytes);
  size_t unit = 0;
  for (; value >= 1000; value /= 1000) ++unit;
  return Format(unit == 0 ? "%.0f %s" : "%.3g %s", value, units[unit]);
}

// "1.23 s  61 %"
std::string ShareText(double seconds, double elapsed) {
  const double share = elapsed > 0 ? 100 * seconds / elapsed : 0;
  return Format("%s %3.0f %%", TimeText(seconds).c_str(), share);
}

std::string RankLine(int rank, const RankStats& stats) {
  const auto share = [&](double seconds) { return ShareText(seconds, stats.elapsed); };
  return Format("%7d  %8llu  %15s  %15s  %15s  %15s  %9s  %5.0f %%\n", rank,
                static_cast<unsigned long long>(stats.steps), share(stats.compute()).c_str(),
                share(stats.reduce).c_str(), share(stats.wait).c_str(),
                share(stats.other()).c_str(), BytesText(stats.bytes).c_str(), 100 * stats.overlap);
}

std::string StragglerLine(std::span<const RankStats> stats, int first) {
  const std::vector<int> order = Stragglers(stats);
  std::string text = "slowest first: ";
  for (size_t i = 0; i < order.size(); ++i) {
    text += (i == 0 ? "rank " : ", ") + std::to_string(first + order[i]);
  }
  double waits = 0;
  for (size_t i = 1; i < order.size(); ++i) waits += stats[static_cast<size_t>(order[i])].wait;
  const double longer =
      waits / static_cast<double>(order.size() - 1) - stats[static_cast<size_t>(order[0])].wait;
  return text + "; the others waited " + TimeText(std::max(0.0, longer)) + " longer than rank " +
         std::to_string(first + order[0]) + "\n";
}

// Of all ranks; nothing where no step was replayed.
std::string ReplayLine(std::span<const RankStats> stats) {
  uint64_t steps = 0, replays = 0, launches = 0;
  for (const RankStats& rank : stats) {
    steps += rank.steps;
    replays += rank.replays;
    launches += rank.launches;
  }
  if (replays == 0) return "";
  const std::string graphs =
      launches == 0 ? "" : ", " + std::to_string(launches) + " of them as graphs";
  return "replayed: " + std::to_string(replays) + " of " + std::to_string(steps) + " steps" +
         graphs + "\n";
}

double Seconds(int64_t ns) { return static_cast<double>(ns) * 1e-9; }

std::string NowText(const PhaseLog& log, int64_t now_ns) {
  const Phase phase = log.phase();
  const std::string name = phase == Phase::kOther ? "between phases" : NameOf(phase);
  return name + " for " + TimeText(Seconds(std::max<int64_t>(0, now_ns - log.phase_begin_ns())));
}

}  // namespace

double RankStats::other() const {
  return std::max(0.0, elapsed - compute() - wait - (reduce - beside));
}

RankStats StatsOf(const PhaseLog& log, int64_t now_ns) {
  const Phase current = log.phase();
  const int64_t current_ns = std::max<int64_t>(0, now_ns - log.phase_begin_ns());
  const auto seconds = [&](Phase phase) {
    return Seconds(log.total(phase).ns + (phase == current ? current_ns : 0));
  };
  RankStats stats;
  stats.steps = log.step();
  stats.replays = log.replays();
  stats.launches = log.launches();
  stats.elapsed = Seconds(now_ns - log.start_ns());
  stats.forward = seconds(Phase::kForward);
  stats.backward = seconds(Phase::kBackward);
  stats.update = seconds(Phase::kUpdate);
  stats.reduce = seconds(Phase::kReduce);
  stats.beside = Seconds(log.beside_ns());
  stats.wait = seconds(Phase::kWait);
  stats.bytes = log.total(Phase::kReduce).bytes;
  if (stats.reduce > 0) stats.overlap = std::min(1.0, Seconds(log.hidden_ns()) / stats.reduce);
  return stats;
}

std::vector<RankStats> StatsOf(const Journal& journal, int64_t now_ns) {
  std::vector<RankStats> stats;
  for (int r = journal.first(); r < journal.end(); ++r) {
    stats.push_back(StatsOf(journal.log(r), now_ns));
  }
  return stats;
}

std::vector<int> Stragglers(std::span<const RankStats> stats) {
  std::vector<int> order(stats.size());
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(), [&](int a, int b) {
    return stats[static_cast<size_t>(a)].wait < stats[static_cast<size_t>(b)].wait;
  });
  return order;
}

std::string StatsTable(const Journal& journal, int64_t now_ns) {
  return StatsTable(StatsOf(journal, now_ns), journal.first());
}

std::string StatsTable(std::span<const RankStats> stats, int first) {
  std::string text = Format("%7s  %8s  %15s  %15s  %15s  %15s  %9s  %7s\n", "replica", "steps",
                            "compute", "reduce", "wait", "other", "bytes", "overlap");
  for (size_t r = 0; r < stats.size(); ++r) text += RankLine(first + static_cast<int>(r), stats[r]);
  if (stats.size() > 1) text += StragglerLine(stats, first);
  return text + ReplayLine(stats);
}

std::string BlackBoxText(const Journal& journal, int64_t now_ns) {
  std::string text;
  for (int r = journal.first(); r < journal.end(); ++r) {
    const PhaseLog& log = journal.log(r);
    text += "rank " + std::to_string(r) + ": step " + std::to_string(log.step()) + ", " +
            NowText(log, now_ns);
    const char* separator = "; before: ";
    for (const PhaseRecord& record : log.Last(kLastPhases)) {
      text += separator + std::string(NameOf(record.phase)) + ' ' +
              TimeText(Seconds(record.end_ns - record.begin_ns));
      separator = ", ";
    }
    text += '\n';
  }
  return text;
}

}  // namespace eta::parallel
