#include "parallel/training/step_record.h"

#include <algorithm>
#include <cmath>

#include "parallel/core/first_difference.h"
#include "parallel/core/report.h"

namespace eta::parallel {
namespace {

std::string Rank(size_t rank) { return "rank " + std::to_string(rank); }

std::string At(const StepRecord& record) {
  return record.memory->site.empty() ? "" : " at " + record.memory->site;
}

std::string Position(const StepRecord& record) {
  const std::string optimizer =
      record.optimizer == 0 ? "" : " with optimizer " + std::to_string(record.optimizer);
  return "step " + std::to_string(record.step) + optimizer + At(record);
}

bool SameStep(const StepRecord& a, const StepRecord& b) {
  return a.step == b.step && a.optimizer == b.optimizer;
}

Status StructureStatus(std::span<const StepRecord> records, size_t rank) {
  const auto [first, other] = FirstDifference(StructureAndSettings(*records[0].memory),
                                              StructureAndSettings(*records[rank].memory));
  std::string message = "the replicas' models differ: ";
  message += first.empty() ? "rank 0 and " + Rank(rank) +
                                 " lay out or optimize their parameters in different ways"
                           : "where rank 0 has " + first + ", " + Rank(rank) + " has " + other;
  return {Code::kDesync, message + At(records[rank]), static_cast<int>(rank)};
}

Status ValuesStatus(std::span<const StepRecord> records, size_t rank) {
  const std::string line =
      FirstDifference(records[0].memory->values, records[rank].memory->values).first;
  return {Code::kDesync,
          "the replicas' parameters differ: " + line.substr(0, line.rfind(' ')) +
              " is not the same on rank 0 and " + Rank(rank) +
              " any more; change it on all of them alike, or call (broadcast-parameters! model) "
              "afterwards" +
              At(records[rank]),
          static_cast<int>(rank)};
}

}  // namespace

bool MayRetry(std::span<const StepRecord> records) {
  const auto failed = [](const StepRecord& record) { return record.failed; };
  const auto may_retry = [](const StepRecord& record) { return record.may_retry; };
  return std::any_of(records.begin(), records.end(), failed) &&
         !std::all_of(records.begin(), records.end(), failed) &&
         std::all_of(records.begin(), records.end(), may_retry);
}

int FirstFailed(std::span<const StepRecord> records) {
  const auto failed = std::find_if(records.begin(), records.end(),
                                   [](const StepRecord& record) { return record.failed; });
  return failed == records.end() ? -1 : static_cast<int>(failed - records.begin());
}

Status FailureOf(std::span<const StepRecord> records, int rank) {
  const StepMemory& memory = *records[static_cast<size_t>(rank)].memory;
  return FailureStatus(rank, memory.site, memory.failure);
}

bool Agree(std::span<const StepRecord> records) {
  return std::all_of(records.begin(), records.end(), [&](const StepRecord& record) {
    return record.phase == records[0].phase && record.layout == records[0].layout &&
           record.values == records[0].values && SameStep(record, records[0]);
  });
}

Status CheckAgreement(std::span<const StepRecord> records) {
  for (size_t r = 1; r < records.size(); ++r) {
    if (!SameStep(records[r], records[0])) {
      return {
          Code::kDesync,
          "rank 0 is in " + Position(records[0]) + ", " + Rank(r) + " in " + Position(records[r]),
          static_cast<int>(r)};
    }
    if (records[r].phase != records[0].phase || records[r].layout != records[0].layout) {
      return StructureStatus(records, r);
    }
    if (records[r].values != records[0].values) return ValuesStatus(records, r);
  }
  return {};
}

bool HaveChanges(std::span<const StepRecord> records) {
  return std::any_of(records.begin(), records.end(),
                     [](const StepRecord& record) { return record.changed; });
}

bool LeaveWork(std::span<const StepRecord> records) {
  return Agree(records) && std::all_of(records.begin(), records.end(), [](const auto& record) {
           return record.leaves_work && !record.failed;
         });
}

tensor::LossSums TotalLoss(std::span<const StepRecord> records) {
  tensor::LossSums total;
  for (const StepRecord& record : records) {
    if (record.shards == 0) total += record.loss;
    for (size_t i = 0; i < record.shards; ++i) total += record.memory->shards[i];
  }
  return total;
}

void ComputeWeights(std::span<const StepRecord> records, std::vector<double>* weights) {
  const double total = TotalLoss(records).denominator;
  const size_t shards = records[0].shards;
  if (shards > 0) return weights->assign(records.size() * shards, 1 / total);
  weights->resize(records.size());
  for (size_t r = 0; r < records.size(); ++r) (*weights)[r] = records[r].loss.denominator / total;
}

int NonfiniteLossRank(std::span<const StepRecord> records) {
  const auto guilty = std::find_if(records.begin(), records.end(), [](const StepRecord& record) {
    return !std::isfinite(record.loss.numerator) || !std::isfinite(record.loss.denominator);
  });
  return guilty == records.end() ? -1 : static_cast<int>(guilty - records.begin());
}

int SignalOf(std::span<const StepRecord> records) {
  int signal = 0;
  for (const StepRecord& record : records) signal = std::max(signal, int{record.signal});
  return signal;
}

Batches BatchesOf(std::span<const StepRecord> records) {
  const auto asked = [](const StepRecord& record) { return record.batch != 0; };
  if (records.size() == 1 || !std::all_of(records.begin(), records.end(), asked)) {
    return Batches::kUnknown;
  }
  const auto same = [&](const StepRecord& record) { return record.batch == records[0].batch; };
  return std::all_of(records.begin(), records.end(), same) ? Batches::kSame : Batches::kDiffer;
}

}  // namespace eta::parallel
