#include "torch/arena.h"

#include <ATen/ops/add.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/full.h>
#include <ATen/ops/mul.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/zeros.h>
#include <ATen/ops/zeros_like.h>
#include <gtest/gtest.h>

namespace eta::tensor {
namespace {

class ArenaTest : public testing::Test {
 protected:
  ArenaTest()
      : a_(at::full({2, 3}, 2.0).set_requires_grad(true)),
        b_(at::full({5}, 3.0).set_requires_grad(true)) {}

  std::unique_ptr<ParameterArena> Make() {
    return std::make_unique<ParameterArena>(std::vector<NamedParameter>{{"a", a_}, {"b", b_}},
                                            registry_);
  }
  Tensor GradientOf(const Tensor& t) { return VisibleGradient(*registry_, t); }

  std::shared_ptr<ArenaRegistry> registry_ = std::make_shared<ArenaRegistry>();
  Tensor a_, b_;
};

TEST_F(ArenaTest, ParametersBecomeViewsOfOneBufferInPlace) {
  const Tensor handle = a_;
  const auto arena = Make();
  ASSERT_EQ(arena->blocks().size(), 1u);
  arena->blocks()[0].parameters.fill_(7);
  EXPECT_TRUE(at::equal(handle, at::full({2, 3}, 7.0)));
  EXPECT_TRUE(at::equal(b_, at::full({5}, 7.0)));
  EXPECT_TRUE(a_.is_leaf() && a_.requires_grad());
}

TEST_F(ArenaTest, EntriesAreAlignedAndThePaddingIsZero) {
  const auto arena = Make();
  for (const auto& entry : arena->entries()) {
    EXPECT_EQ(reinterpret_cast<uintptr_t>(entry.parameter.tensor.data_ptr()) % 64, 0u);
    EXPECT_EQ(reinterpret_cast<uintptr_t>(entry.gradient.data_ptr()) % 64, 0u);
  }
  EXPECT_EQ(arena->blocks()[0].parameters.sum().item().toDouble(), 2 * 6 + 3 * 5);
}

TEST_F(ArenaTest, BackwardWritesIntoTheBuffer) {
  const auto arena = Make();
  arena->Clear(0);
  arena->Clear(1);
  at::mul(a_.sum(), 4).backward();
  EXPECT_EQ(arena->blocks()[0].gradients.sum().item().toDouble(), 4 * 6);
  EXPECT_TRUE(arena->HasGradient(0));
  EXPECT_FALSE(arena->HasGradient(1));
}

TEST_F(ArenaTest, AGradientReadsAsNoneUntilWrittenAndAfterAClear) {
  const auto arena = Make();
  EXPECT_FALSE(GradientOf(a_).defined());
  arena->Clear(0);
  EXPECT_FALSE(GradientOf(a_).defined());
  a_.sum().backward();
  EXPECT_TRUE(at::equal(GradientOf(a_), at::ones({2, 3})));
  arena->FillZero(0, 0, arena->blocks()[0].size);
  arena->Clear(0);
  EXPECT_FALSE(GradientOf(a_).defined());
  a_.sum().backward();
  EXPECT_TRUE(at::equal(GradientOf(a_), at::ones({2, 3})));
}

TEST_F(ArenaTest, GradientsAccumulateOverBackwards) {
  const auto arena = Make();
  arena->Clear(0);
  a_.sum().backward();
  a_.sum().backward();
  EXPECT_TRUE(at::equal(GradientOf(a_), at::full({2, 3}, 2.0)));
}

TEST_F(ArenaTest, AHandleOfTheGradientIsLive) {
  const auto arena = Make();
  arena->Clear(0);
  a_.sum().backward();
  const Tensor handle = GradientOf(a_);
  a_.sum().backward();
  EXPECT_TRUE(at::equal(handle, at::full({2, 3}, 2.0)));
  ZeroVisibleGradient(*registry_, a_);
  EXPECT_TRUE(at::equal(handle, at::zeros_like(handle)));
  EXPECT_TRUE(GradientOf(a_).defined());  // zeros, but a gradient
}

// Pays by writing a number into a gradient.
struct Debt final : OwedGradients {
  explicit Debt(Tensor gradient) : gradient(std::move(gradient)) {}
  void Pay() override {
    gradient.fill_(7);
    ++payments;
  }
  Tensor gradient;
  int payments = 0;
};

TEST_F(ArenaTest, OwedGradientsArePaidWhenSomebodyLooks) {
  const auto arena = Make();
  arena->Clear(0);
  a_.sum().backward();
  Debt debt(arena->entries()[0].gradient);
  registry_->Owe(&debt, this);
  EXPECT_FALSE(registry_->watched());
  EXPECT_TRUE(at::equal(GradientOf(a_), at::full({2, 3}, 7.0)));
  GradientOf(a_);
  EXPECT_EQ(debt.payments, 1);
  EXPECT_TRUE(registry_->watched());
}

TEST_F(ArenaTest, OnlyTheDebtorIsForgiven) {
  const auto arena = Make();
  arena->Clear(0);
  Debt first(arena->entries()[0].gradient), second(first.gradient), third(first.gradient);
  registry_->Owe(&first, &first);
  registry_->ForgiveGradients(&first);
  registry_->Owe(&second, &second);
  registry_->ForgiveGradients(&first);
  registry_->Owe(&third, &third);
  registry_->TakeBack(&third);
  registry_->PayGradients();
  EXPECT_EQ(first.payments, 0);
  EXPECT_EQ(second.payments, 1);
  EXPECT_EQ(third.payments, 0);
}

TEST_F(ArenaTest, ZeroingAnAbsentGradientLeavesItAbsent) {
  const auto arena = Make();
  arena->Clear(0);
  ZeroVisibleGradient(*registry_, a_);
  EXPECT_FALSE(GradientOf(a_).defined());
}

TEST_F(ArenaTest, EarlierGradientsMoveIn) {
  a_.sum().backward();
  const auto arena = Make();
  EXPECT_TRUE(arena->TakeGradient(0));
  EXPECT_FALSE(arena->TakeGradient(1));
  EXPECT_TRUE(at::equal(arena->entries()[0].gradient, at::ones({2, 3})));
  EXPECT_TRUE(a_.grad().is_same(arena->entries()[0].gradient));
}

TEST_F(ArenaTest, AMovedParameterIsNoLongerIntact) {
  const auto arena = Make();
  EXPECT_TRUE(arena->Intact(0));
  a_.set_data(a_.detach().clone());
  EXPECT_FALSE(arena->Intact(0));
  EXPECT_TRUE(arena->Intact(1));
}

TEST_F(ArenaTest, WhenItEndsParametersStayAndUnwrittenGradientsGo) {
  auto arena = Make();
  arena->Clear(0);
  arena->Clear(1);
  a_.sum().backward();
  arena.reset();
  EXPECT_EQ(registry_->Find(a_), nullptr);
  EXPECT_TRUE(at::equal(b_, at::full({5}, 3.0)));
  EXPECT_TRUE(at::equal(a_.grad(), at::ones({2, 3})));
  EXPECT_FALSE(b_.grad().defined());
}

TEST_F(ArenaTest, OneBlockPerDtype) {
  const Tensor c = at::ones({3}, at::kDouble).set_requires_grad(true);
  ParameterArena arena({{"a", a_}, {"c", c}, {"b", b_}}, registry_);
  ASSERT_EQ(arena.blocks().size(), 2u);
  EXPECT_EQ(arena.entries()[2].block, 0u);
  EXPECT_EQ(arena.entries()[1].block, 1u);
  EXPECT_EQ(arena.entries()[2].begin, arena.entries()[0].padded_end);
}

// Of two large parameters and a small one.
class LargeParameterTest : public testing::Test {
 protected:
  static constexpr int64_t kCount = ParameterArena::kLargeBytes / sizeof(float);

  LargeParameterTest()
      : small_(at::ones({5}).set_requires_grad(true)),
        one_(at::full({kCount / 4, 4}, 2.0).set_requires_grad(true)),
        two_(at::full({kCount}, 3.0).set_requires_grad(true)),
        arena_(std::make_shared<ParameterArena>(
            std::vector<NamedParameter>{{"small", small_}, {"one", one_}, {"two", two_}},
            registry_)) {}

  const ParameterArena::Block& BlockOf(size_t entry) const {
    return arena_->blocks()[arena_->entries()[entry].block];
  }

  std::shared_ptr<ArenaRegistry> registry_ = std::make_shared<ArenaRegistry>();
  Tensor small_, one_, two_;
  std::shared_ptr<ParameterArena> arena_;
};

TEST_F(LargeParameterTest, HasABlockOfItsOwn) {
  ASSERT_EQ(arena_->blocks().size(), 3u);
  EXPECT_FALSE(BlockOf(0).large);
  EXPECT_TRUE(BlockOf(1).large && BlockOf(2).large);
  EXPECT_EQ(BlockOf(1).size, kCount);
  EXPECT_TRUE(arena_->Intact(1));
  EXPECT_TRUE(at::equal(one_, at::full({kCount / 4, 4}, 2.0)));
}

TEST_F(LargeParameterTest, TheGradientIsTheOneThatAutogradMade) {
  arena_->Clear(1);
  one_.mul(one_).sum().backward();
  const void* const made = one_.grad().data_ptr();
  EXPECT_TRUE(arena_->TakeGradient(1));
  EXPECT_EQ(BlockOf(1).gradients.data_ptr(), made);
  one_.mul(one_).sum().backward();
  EXPECT_TRUE(arena_->TakeGradient(1));
  EXPECT_EQ(BlockOf(1).gradients.data_ptr(), made);
  EXPECT_TRUE(at::equal(BlockOf(1).gradients, at::full({kCount}, 8.0)));
}

TEST_F(LargeParameterTest, ClearDropsTheGradient) {
  one_.sum().backward();
  arena_->TakeGradient(1);
  arena_->Clear(1);
  EXPECT_FALSE(one_.grad().defined());
  EXPECT_FALSE(BlockOf(1).gradients.defined());
  EXPECT_FALSE(arena_->HasGradient(1));
}

TEST_F(LargeParameterTest, WithoutAGradientThereAreZerosUntilSomebodyWritesThem) {
  arena_->Clear(1);
  EXPECT_FALSE(arena_->TakeGradient(1));
  EXPECT_TRUE(at::equal(BlockOf(1).gradients, at::zeros({kCount})));
  EXPECT_FALSE(VisibleGradient(*registry_, one_).defined());
  BlockOf(1).gradients.fill_(5);
  arena_->SetHasGradient(1);
  EXPECT_TRUE(at::equal(VisibleGradient(*registry_, one_), at::full({kCount / 4, 4}, 5.0)));
  arena_->Clear(1);
  EXPECT_FALSE(arena_->TakeGradient(1));
  EXPECT_TRUE(at::equal(BlockOf(1).gradients, at::zeros({kCount})));
}

TEST_F(LargeParameterTest, GradientsThatShareMemoryAreParted) {
  const Tensor factors = at::full({kCount}, 7.0);
  one_.view({-1}).add(two_.view({-1})).mul(factors).sum().backward();
  EXPECT_TRUE(arena_->TakeGradient(1));
  EXPECT_TRUE(arena_->TakeGradient(2));
  BlockOf(1).gradients.zero_();
  EXPECT_TRUE(at::equal(two_.grad(), factors));
  EXPECT_TRUE(at::equal(one_.grad(), at::zeros_like(one_)));
}

}  // namespace
}  // namespace eta::tensor
