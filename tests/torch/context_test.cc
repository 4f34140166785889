// An isolate's random streams and threads.
#include "torch/context.h"

#include <ATen/Parallel.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/randn.h>
#include <gtest/gtest.h>

#include <thread>

#include "tests/torch/script.h"

namespace eta::tensor {
namespace {

// What libtorch gives after seed 1.
TEST(RandomTest, ValuesEqualLibtorchs) {
  const std::pair<const char*, const char*> cases[] = {
      {"(torch/randn '(3))", "(0.6613521715704522 0.2669240982925188 0.061677258237348306)"},
      {"(torch/mvnormal (torch/zeros '(2)) (torch/tensor '((1 0) (0 1))))",
       "(0.6613521715704522 0.2669240982925188)"},
      {"(car (nn/parameters (nn/linear 2 1)))", "(0.36434608697891235 -0.3121015429496765)"},
      {"(car (cdr (nn/parameters (nn/linear 2 1))))", "(-0.13708077371120453)"},
      {"(car (nn/parameters (nn/linear 3 2)))",
       "(0.2974873483181 -0.2548298239707947 -0.11192598193883896 0.2709902822971344 "
       "-0.5435388088226318 0.3462469279766083)"},
      {"(car (cdr (nn/parameters (nn/linear 3 2))))", "(-0.11877556145191193 0.2937234044075012)"},
  };
  Script script;
  for (const auto& [expression, expected] : cases) {
    const std::string call = std::string("(torch/to-list ") + expression + ")";
    EXPECT_EQ(script.Eval("(begin (torch/manual-seed 1) " + call + ")"), expected) << expression;
  }
}

TEST(RandomTest, TheSeedOfTheSettingsCounts) {
  const char* draw = "(torch/to-list (torch/randn '(2)))";
  const std::string with_seed = Script({.seed = 1}).Eval(draw);
  EXPECT_EQ(with_seed, Script().Eval("(begin (torch/manual-seed 1) " + std::string(draw) + ")"));
  EXPECT_NE(with_seed, Script({.seed = 2}).Eval(draw));
  EXPECT_EQ(Script().Eval(draw), Script().Eval(draw));
}

TEST(RandomTest, TwoIsolatesInTurnDoNotDisturbEachOther) {
  Script a({.seed = 1}), b({.seed = 1});
  const char* draw = "(torch/to-list (torch/randn '(2)))";
  for (int i = 0; i < 3; ++i) EXPECT_EQ(a.Eval(draw), b.Eval(draw)) << i;
}

Tensor Draw(TensorContext& context) { return at::randn({4}, context.generator()); }

TEST(RandomTest, TheCommonStreamIsEqualOnAllRanksTheirOwnAreNot) {
  Script zero({.rank = 0, .world_size = 2, .seed = 1});
  Script one({.rank = 1, .world_size = 2, .seed = 1});
  auto& context0 = TensorContext::Of(zero.vm());
  auto& context1 = TensorContext::Of(one.vm());
  EXPECT_TRUE(at::equal(Draw(context0), Draw(context1)));
  {
    RankStream stream0(context0), stream1(context1);
    EXPECT_FALSE(at::equal(Draw(context0), Draw(context1)));
  }
  EXPECT_TRUE(at::equal(Draw(context0), Draw(context1)));  // as if nothing had been drawn between
}

TEST(RandomTest, InAWorldOfOneThereIsOneStream) {
  Script script({.seed = 1}), other({.seed = 1});
  auto& context = TensorContext::Of(script.vm());
  auto& reference = TensorContext::Of(other.vm());
  EXPECT_TRUE(at::equal(Draw(context), Draw(reference)));
  {
    RankStream stream(context);
    EXPECT_TRUE(at::equal(Draw(context), Draw(reference)));
  }
  EXPECT_TRUE(at::equal(Draw(context), Draw(reference)));
}

TEST(RandomTest, DropoutDrawsFromTheIsolatesStream) {
  const std::string masked =
      "(begin (torch/manual-seed 3)"
      " (torch/to-list (nn/forward (nn/dropout 0.5) (torch/ones '(64)))))";
  Script script;
  const std::string first = script.Eval(masked);
  EXPECT_EQ(first, script.Eval(masked));
  EXPECT_NE(first.find("2.0"), std::string::npos);
  EXPECT_NE(first.find("0.0"), std::string::npos);
}

TEST(ContextTest, TheThreadBudgetHoldsOnTheThreadThatRuns) {
  Script one({.threads = 1}), two({.threads = 2});
  for (int round = 0; round < 2; ++round) {
    one.Eval("(torch/ones '(1))");
    EXPECT_EQ(at::get_num_threads(), 1);
    two.Eval("(torch/ones '(1))");
    EXPECT_EQ(at::get_num_threads(), 2);
  }
}

TEST(ContextTest, AnIsolateMayChangeThreads) {
  Script script({.threads = 1});
  script.Run("(define x (torch/tensor 3 #t))");
  std::thread([&] {
    EXPECT_EQ(script.Eval("(torch/item (torch/mul (torch/tensor 2) (torch/tensor 3)))"), "6.0");
    EXPECT_EQ(at::get_num_threads(), 1);
  }).join();
  EXPECT_EQ(script.Eval("(torch/item (torch/tensor 2))"), "2.0");
}

TEST(ContextTest, AnUnknownDeviceInTheSettingsIsAnError) {
  Script script({.device = "tpu"});
  EXPECT_EQ(script.Eval("(torch/ones '(1))"),
            "error: torch/ones: unknown device 'tpu' (known: cpu, cuda, cuda:N)");
}

TEST(ContextTest, AnIntegerDefaultDtypeInTheSettingsIsAnError) {
  Script script({.dtype = "int64"});
  EXPECT_EQ(script.Eval("(torch/ones '(1))"),
            "error: torch/ones: the default dtype cannot be int64");
}

TEST(ContextTest, TheStepGuardCanRefuse) {
  Script script;
  script.vm().Attach(kStepGuard, std::make_shared<StepGuard>([](const Optimizer&) {
                       return std::optional<std::string>("not now");
                     }));
  EXPECT_EQ(script.Eval("(optim/step! (optim/sgd (nn/linear 1 1) 0.1))"),
            "error: optim/step!: not now");
}

}  // namespace
}  // namespace eta::tensor
