#include "parallel/training/step_record.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

namespace eta::parallel {
namespace {

class StepRecordTest : public testing::Test {
 protected:
  StepRecordTest() : memories_(3), records_(3) {
    for (size_t r = 0; r < 3; ++r) {
      memories_[r].site = "train.eta:4:1";
      records_[r] = {.optimizer = 1, .step = 7, .memory = &memories_[r]};
    }
  }

  std::vector<StepMemory> memories_;
  std::vector<StepRecord> records_;
};

TEST_F(StepRecordTest, EqualRecordsAgree) {
  EXPECT_TRUE(Agree(records_));
  EXPECT_TRUE(CheckAgreement(records_).ok());
  EXPECT_EQ(FirstFailed(records_), -1);
  memories_[2].site = "train.eta:9:3";  // of the same step
  EXPECT_TRUE(Agree(records_));
}

TEST_F(StepRecordTest, AnotherStepIsADesync) {
  records_[2].step = 8;
  memories_[2].site = "train.eta:9:3";
  EXPECT_FALSE(Agree(records_));
  const Status status = CheckAgreement(records_);
  EXPECT_EQ(status.code, Code::kDesync);
  EXPECT_EQ(status.rank, 2);
  EXPECT_EQ(status.message,
            "rank 0 is in step 7 with optimizer 1 at train.eta:4:1, rank 2 in step 8 with "
            "optimizer 1 at train.eta:9:3");
}

TEST_F(StepRecordTest, AnotherOptimizerIsADesync) {
  records_[1].optimizer = 2;
  EXPECT_EQ(CheckAgreement(records_).code, Code::kDesync);
}

TEST_F(StepRecordTest, AnotherStructureIsADesyncThatNamesTheParameter) {
  records_[1].layout = 5;
  memories_[0].structure = "0.weight (2 3) float64\n0.bias (2) float64\n";
  memories_[1].structure = "0.weight (2 3) float64\n";
  EXPECT_FALSE(Agree(records_));
  EXPECT_EQ(CheckAgreement(records_).message,
            "the replicas' models differ: where rank 0 has 0.bias (2) float64, rank 1 has nothing "
            "at train.eta:4:1");
  memories_[1].structure = memories_[0].structure;
  EXPECT_EQ(
      CheckAgreement(records_).message,
      "the replicas' models differ: rank 0 and rank 1 lay out or optimize their parameters in "
      "different ways at train.eta:4:1");
}

TEST_F(StepRecordTest, AFailureNamesRankPlaceAndCause) {
  records_[1].failed = true;
  memories_[1].failure = "car: not a pair";
  EXPECT_EQ(FirstFailed(records_), 1);
  const Status status = FailureOf(records_, 1);
  EXPECT_EQ(status.code, Code::kPeerFailed);
  EXPECT_EQ(status.message, "rank 1 failed at train.eta:4:1: car: not a pair");
}

TEST_F(StepRecordTest, RanksWeighWhatTheyContribute) {
  records_[0].loss.denominator = 6;
  records_[1].loss.denominator = 0;
  records_[2].loss.denominator = 2;
  std::vector<double> weights;
  ComputeWeights(records_, &weights);
  EXPECT_EQ(weights, (std::vector<double>{0.75, 0, 0.25}));
}

TEST_F(StepRecordTest, TheLossIsThatOfAllRows) {
  records_[0].loss.numerator = 6, records_[0].loss.denominator = 2;
  records_[1].loss.numerator = 3, records_[1].loss.denominator = 1;
  EXPECT_EQ(TotalLoss(records_).mean(), 3);
  EXPECT_EQ(NonfiniteLossRank(records_), -1);
  records_[1].loss.numerator = std::numeric_limits<double>::quiet_NaN();
  EXPECT_TRUE(std::isnan(TotalLoss(records_).mean()));
  EXPECT_EQ(NonfiniteLossRank(records_), 1);
}

TEST_F(StepRecordTest, OneRankThatNoticedASignalIsEnough) {
  EXPECT_EQ(SignalOf(records_), 0);
  records_[1].signal = 15;
  EXPECT_EQ(SignalOf(records_), 15);
}

TEST_F(StepRecordTest, WhetherBatchesAreTheSameIsNoticed) {
  EXPECT_EQ(BatchesOf(records_), Batches::kUnknown);  // nobody said
  for (StepRecord& record : records_) record.batch = 77;
  EXPECT_EQ(BatchesOf(records_), Batches::kSame);
  records_[2].batch = 78;
  EXPECT_EQ(BatchesOf(records_), Batches::kDiffer);
}

}  // namespace
}  // namespace eta::parallel
