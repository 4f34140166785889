// What ranks that share a device have it compute, with libtorch's operations for the CPU: the same
// as the loops of parallel/core.
#include "parallel/training/device_arithmetic.h"

#include <gtest/gtest.h>

#include <cstring>

#include "parallel/core/reduce.h"
#include "tests/parallel/core/elements.h"

namespace eta::parallel {
namespace {

constexpr size_t kCount = 100;

constexpr DType kDTypes[] = {
#define ETA_LIST(id, name, size) DType::id,
    ETA_DTYPES(ETA_LIST)
#undef ETA_LIST
};

// Small integers, exact in every dtype.
Elements OfRank(DType dtype, size_t rank) {
  Elements elements(dtype, kCount);
  for (size_t i = 0; i < kCount; ++i) {
    const size_t value = (rank * 5 + i) % 8;
    elements.Set(i, static_cast<double>(dtype == DType::kBool ? value % 2 : value));
  }
  return elements;
}

class ArithmeticTest : public testing::TestWithParam<DType> {};

TEST_P(ArithmeticTest, ReducesAsTheHostDoes) {
  for (const ReduceOp op : {ReduceOp::kSum, ReduceOp::kMax, ReduceOp::kMin}) {
    if (!CanReduce(GetParam(), op)) continue;
    for (const size_t ranks : {1u, 2u, 4u}) {
      std::vector<Elements> all;
      for (size_t r = 0; r < ranks; ++r) all.push_back(OfRank(GetParam(), r));
      std::vector<Buffer> inputs;
      std::vector<const std::byte*> data;
      for (Elements& each : all) {
        inputs.push_back(each.buffer());
        data.push_back(static_cast<const std::byte*>(each.buffer().data));
      }
      Elements expected(GetParam(), kCount), out(GetParam(), kCount);
      ReduceBlock(GetParam(), op, data, kCount, static_cast<std::byte*>(expected.buffer().data));
      ReduceElements(out.buffer(), inputs, op);
      EXPECT_EQ(out.bytes(), expected.bytes()) << NameOf(op) << " of " << ranks;
      EXPECT_EQ(all[0].bytes(), OfRank(GetParam(), 0).bytes()) << "an input is only read";
      ReduceElements(inputs[0], inputs, op);
      EXPECT_EQ(all[0].bytes(), expected.bytes()) << "in place";
    }
  }
}

TEST_P(ArithmeticTest, CopiesAndDivides) {
  Elements from = OfRank(GetParam(), 1), to(GetParam(), kCount), expected = OfRank(GetParam(), 1);
  CopyElements(to.buffer(), from.buffer());
  EXPECT_EQ(to.bytes(), from.bytes());
  if (!IsFloating(GetParam())) return;
  DivideElements(to.buffer(), 3);
  Divide(GetParam(), expected.buffer().data, kCount, 3);
  EXPECT_EQ(to.bytes(), expected.bytes());
}

INSTANTIATE_TEST_SUITE_P(DTypes, ArithmeticTest, testing::ValuesIn(kDTypes),
                         [](const auto& info) { return NameOf(info.param); });

// (x0 + x1) + x2, which is not x0 + (x1 + x2).
TEST(ArithmeticOrderTest, IsThatOfTheInputs) {
  double x[] = {1e16, 1, -1e16}, sum = 0;
  std::vector<Buffer> inputs;
  for (double& each : x) inputs.push_back({&each, 1, DType::kFloat64});
  ReduceElements({&sum, 1, DType::kFloat64}, inputs, ReduceOp::kSum);
  EXPECT_EQ(sum, 0);
}

}  // namespace
}  // namespace eta::parallel
