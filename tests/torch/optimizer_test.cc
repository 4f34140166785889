#include "torch/optimizer.h"

#include <ATen/ops/randn.h>
#include <ATen/ops/zeros.h>
#include <gtest/gtest.h>
#include <torch/optim/adagrad.h>
#include <torch/optim/adam.h>
#include <torch/optim/adamw.h>
#include <torch/optim/rmsprop.h>
#include <torch/optim/sgd.h>

#include <algorithm>
#include <cmath>
#include <limits>

namespace eta::tensor {
namespace {

// Parameters with which nothing needs a TensorContext.
class Parameters final : public Module {
 public:
  explicit Parameters(std::vector<Tensor> tensors) {
    for (size_t i = 0; i < tensors.size(); ++i) {
      own_parameters_.push_back({"p" + std::to_string(i), tensors[i].set_requires_grad(true)});
    }
  }
  std::shared_ptr<Module> CopySelf() const override { return std::make_shared<Parameters>(*this); }
  Tensor Forward(TensorContext&, const Tensor& input) override { return input; }
  const Tensor& operator[](size_t i) const { return own_parameters_[i].tensor; }
};

std::shared_ptr<Parameters> MakeParameters(at::ScalarType dtype) {
  return std::make_shared<Parameters>(std::vector<Tensor>{
      at::randn({7, 5}, dtype), at::randn({5}, dtype), at::randn({300}, dtype)});
}

// The same and a large one.
std::shared_ptr<Parameters> MakeMoreParameters(at::ScalarType dtype) {
  const auto count =
      ParameterArena::kLargeBytes / static_cast<int64_t>(c10::elementSize(dtype)) + 3;
  return std::make_shared<Parameters>(
      std::vector<Tensor>{at::randn({7, 5}, dtype), at::randn({5}, dtype),
                          at::randn({count}, dtype), at::randn({300}, dtype)});
}

std::vector<Tensor> Copies(const Parameters& parameters, size_t count) {
  std::vector<Tensor> copies;
  for (size_t i = 0; i < count; ++i) {
    copies.push_back(parameters[i].detach().clone().set_requires_grad(true));
  }
  return copies;
}

// A loss whose gradient depends on the parameter, so that errors grow.
Tensor LossOf(const Tensor& parameter) { return (parameter * parameter * parameter.cos()).sum(); }

struct Rules {
  const char* name;
  std::function<std::unique_ptr<UpdateRule>()> ours;
  std::function<std::unique_ptr<torch::optim::Optimizer>(std::vector<Tensor>)> theirs;
};

std::unique_ptr<torch::optim::Optimizer> TheirSgd(std::vector<Tensor> tensors, SgdOptions o) {
  return std::make_unique<torch::optim::SGD>(tensors, torch::optim::SGDOptions(0.01)
                                                          .momentum(o.momentum)
                                                          .weight_decay(o.weight_decay)
                                                          .nesterov(o.nesterov));
}

Rules SgdRules(const char* name, SgdOptions options) {
  return {name, [options] { return MakeSgd(options); },
          [options](std::vector<Tensor> t) { return TheirSgd(t, options); }};
}

const Rules kRules[] = {
    SgdRules("plain", {}),
    SgdRules("decay", {.weight_decay = 0.1}),
    SgdRules("momentum", {.momentum = 0.9}),
    SgdRules("nesterov", {.momentum = 0.9, .weight_decay = 0.1, .nesterov = true}),
    {"adam", [] { return MakeAdam({}); },
     [](std::vector<Tensor> tensors) {
       return std::make_unique<torch::optim::Adam>(tensors, torch::optim::AdamOptions(0.01));
     }},
    {"adamDecay", [] { return MakeAdam({.weight_decay = 0.1}); },
     [](std::vector<Tensor> tensors) {
       return std::make_unique<torch::optim::Adam>(
           tensors, torch::optim::AdamOptions(0.01).weight_decay(0.1));
     }},
    {"adamw", [] { return MakeAdam({.weight_decay = 0.1, .decoupled = true}); },
     [](std::vector<Tensor> tensors) {
       return std::make_unique<torch::optim::AdamW>(
           tensors, torch::optim::AdamWOptions(0.01).weight_decay(0.1));
     }},
    {"rmsprop", [] { return MakeRmsprop({.weight_decay = 0.1}); },
     [](std::vector<Tensor> tensors) {
       return std::make_unique<torch::optim::RMSprop>(
           tensors, torch::optim::RMSpropOptions(0.01).weight_decay(0.1));
     }},
    {"rmspropMomentum", [] { return MakeRmsprop({.alpha = 0.9, .momentum = 0.5}); },
     [](std::vector<Tensor> tensors) {
       return std::make_unique<torch::optim::RMSprop>(
           tensors, torch::optim::RMSpropOptions(0.01).alpha(0.9).momentum(0.5));
     }},
    {"adagrad", [] { return MakeAdagrad({.rate_decay = 0.1, .weight_decay = 0.1, .initial = 1}); },
     [](std::vector<Tensor> tensors) {
       return std::make_unique<torch::optim::Adagrad>(tensors, torch::optim::AdagradOptions(0.01)
                                                                   .lr_decay(0.1)
                                                                   .weight_decay(0.1)
                                                                   .initial_accumulator_value(1));
     }},
};

class OptimizerParityTest
    : public testing::TestWithParam<std::tuple<const Rules*, at::ScalarType>> {
 protected:
  const Rules& rules() const { return *std::get<0>(GetParam()); }
  at::ScalarType dtype() const { return std::get<1>(GetParam()); }
  double tolerance() const {
    // Rounding in another order, over 20 steps; bfloat16 keeps 8 bits.
    return dtype() == at::kDouble ? 1e-12 : dtype() == at::kFloat ? 1e-5 : 5e-2;
  }
};

TEST_P(OptimizerParityTest, EqualsLibtorchAlsoWhereAParameterGotNoGradient) {
  const auto parameters = MakeMoreParameters(dtype());
  const std::vector<Tensor> copies = Copies(*parameters, 4);
  Optimizer ours(parameters, rules().ours(), std::make_shared<ArenaRegistry>(), {0.01});
  const auto theirs = rules().theirs(copies);
  for (int step = 0; step < 20; ++step) {
    ours.ZeroGradients();
    theirs->zero_grad();
    for (size_t i = 0; i < 4; ++i) {
      if ((i == 1 && step % 3 != 2) || (i == 2 && step % 4 == 1)) continue;
      LossOf((*parameters)[i]).backward();
      LossOf(copies[i]).backward();
    }
    ours.Prepare();
    ours.Update(ours.TakeGradients());
    theirs->step();
  }
  for (size_t i = 0; i < 4; ++i) {
    EXPECT_TRUE(at::allclose((*parameters)[i], copies[i], tolerance(), tolerance())) << i;
  }
}

// libtorch's own kernels, which update other dtypes, do not promise this.
class OptimizerPartitionTest : public OptimizerParityTest {};

TEST_P(OptimizerPartitionTest, AnyPartitionGivesTheSameBits) {
  const auto parameters = MakeMoreParameters(dtype());
  const auto sliced_parameters = std::make_shared<Parameters>(Copies(*parameters, 4));
  Optimizer whole(parameters, rules().ours(), std::make_shared<ArenaRegistry>(), {0.01});
  Optimizer sliced(sliced_parameters, rules().ours(), std::make_shared<ArenaRegistry>(), {0.01});
  for (int step = 0; step < 5; ++step) {
    for (auto* optimizer : {&whole, &sliced}) {
      optimizer->Prepare();
      optimizer->ZeroGradients();
      for (const auto& parameter : optimizer->parameters()) LossOf(parameter.tensor).backward();
    }
    whole.Update(whole.TakeGradients());
    sliced.BeginUpdate(sliced.TakeGradients());
    for (size_t s = 0; s < sliced.segments().size(); ++s) {
      const auto& segment = sliced.segments()[s];
      const int64_t size = segment.end - segment.begin;
      for (int64_t begin = 0, width = 1; begin < size;
           begin += width, width = width % 23 + size / 150) {
        sliced.UpdateRange(s, begin, std::min(begin + width, size));
      }
    }
  }
  for (size_t i = 0; i < 4; ++i) {
    EXPECT_TRUE(at::equal((*parameters)[i], (*sliced_parameters)[i])) << i;
  }
}

std::vector<const Rules*> RulePointers() {
  std::vector<const Rules*> pointers;
  for (const Rules& rules : kRules) pointers.push_back(&rules);
  return pointers;
}

std::string CaseName(const testing::TestParamInfo<OptimizerParityTest::ParamType>& info) {
  return std::string(std::get<0>(info.param)->name) + c10::toString(std::get<1>(info.param));
}

INSTANTIATE_TEST_SUITE_P(AllRules, OptimizerParityTest,
                         testing::Combine(testing::ValuesIn(RulePointers()),
                                          testing::Values(at::kDouble, at::kFloat, at::kBFloat16)),
                         CaseName);
INSTANTIATE_TEST_SUITE_P(AllRules, OptimizerPartitionTest,
                         testing::Combine(testing::ValuesIn(RulePointers()),
                                          testing::Values(at::kDouble, at::kFloat)),
                         CaseName);

class OptimizerTest : public testing::Test {
 protected:
  Optimizer Make(std::shared_ptr<Module> module) {
    return Optimizer(std::move(module), MakeSgd({.momentum = 0.5}), registry_, {0.1});
  }
  std::shared_ptr<ArenaRegistry> registry_ = std::make_shared<ArenaRegistry>();
};

TEST_F(OptimizerTest, OneSegmentHoldsAllParametersOfADtype) {
  Optimizer optimizer = Make(MakeParameters(at::kFloat));
  EXPECT_TRUE(optimizer.Prepare());
  EXPECT_FALSE(optimizer.Prepare());
  ASSERT_EQ(optimizer.segments().size(), 1u);
  EXPECT_EQ(optimizer.segments()[0].parameters, (std::vector<size_t>{0, 1, 2}));
  EXPECT_EQ(optimizer.segments()[0].tensors.parameter.numel(), 48 + 16 + 304);
}

TEST_F(OptimizerTest, ALargeParameterHasASegmentOfItsOwn) {
  Optimizer optimizer = Make(MakeMoreParameters(at::kFloat));
  optimizer.Prepare();
  ASSERT_EQ(optimizer.segments().size(), 2u);
  EXPECT_EQ(optimizer.segments()[0].parameters, (std::vector<size_t>{0, 1, 3}));
  EXPECT_EQ(optimizer.segments()[1].parameters, (std::vector<size_t>{2}));
  EXPECT_FALSE(optimizer.segments()[1].tensors.gradient.defined());
  optimizer.TakeGradients();
  EXPECT_TRUE(optimizer.segments()[1].tensors.gradient.defined());
}

TEST_F(OptimizerTest, MixedDtypesGetOneSegmentEach) {
  const auto module = std::make_shared<Parameters>(
      std::vector<Tensor>{at::randn({3}, at::kFloat), at::randn({3}, at::kDouble),
                          at::randn({3}, at::kFloat), at::randn({3}, at::kDouble)});
  Optimizer optimizer = Make(module);
  optimizer.Prepare();
  ASSERT_EQ(optimizer.segments().size(), 2u);
  EXPECT_EQ(optimizer.segments()[0].parameters, (std::vector<size_t>{0, 2}));
  EXPECT_EQ(optimizer.segments()[1].parameters, (std::vector<size_t>{1, 3}));
}

TEST_F(OptimizerTest, ASharedParameterCountsOnce) {
  const Tensor shared = at::randn({4});
  Optimizer optimizer = Make(std::make_shared<Parameters>(std::vector<Tensor>{shared, shared}));
  EXPECT_EQ(optimizer.parameters().size(), 1u);
}

TEST_F(OptimizerTest, TwoOptimizersOverOneParameterKeepTheirOwnState) {
  const auto parameters = MakeParameters(at::kDouble);
  const auto one = std::make_shared<Parameters>(std::vector<Tensor>{(*parameters)[1]});
  Optimizer first = Make(one), second = Make(parameters);
  first.Prepare();
  second.Prepare();
  EXPECT_EQ(first.segments().size(), 1u);
  EXPECT_EQ(second.segments().size(), 2u);  // what the first owns, and the rest
  const Tensor expected = (*parameters)[1].detach().clone();
  for (int step = 0; step < 2; ++step) {
    second.ZeroGradients();
    (*parameters)[1].sum().backward();
    first.Update(first.TakeGradients());
    second.Update(second.TakeGradients());
  }
  // Twice, momentum 0.5 each: 2 * 0.1 * (1 + 1.5).
  EXPECT_TRUE(at::allclose((*parameters)[1], expected - 0.5));
}

TEST_F(OptimizerTest, AReplacedParameterGetsANewPlaceAndKeepsItsState) {
  const auto parameters = MakeParameters(at::kDouble);
  Optimizer optimizer = Make(parameters);
  auto step = [&] {
    const bool changed = optimizer.Prepare();
    optimizer.ZeroGradients();
    (*parameters)[0].sum().backward();
    optimizer.Update(optimizer.TakeGradients());
    return changed;
  };
  step();
  const uint64_t signature = optimizer.LayoutSignature();
  (*parameters)[0].set_data(at::zeros({7, 5}, at::kDouble));
  EXPECT_TRUE(step());
  EXPECT_TRUE(at::allclose((*parameters)[0], at::zeros({7, 5}, at::kDouble) - 0.15));
  EXPECT_NE(optimizer.LayoutSignature(), signature);  // two segments now
}

TEST_F(OptimizerTest, ClearedGradientsAreZeroForWhoeverAddsToThem) {
  const auto parameters = MakeParameters(at::kDouble);
  Optimizer optimizer = Make(parameters);
  optimizer.Prepare();
  const Tensor& gradients = optimizer.segments()[0].tensors.gradient;
  gradients.fill_(3);
  optimizer.ClearGradients();
  EXPECT_TRUE(at::equal(gradients, at::full_like(gradients, 3)));
  EXPECT_EQ(optimizer.TakeGradients(), (Optimizer::Mask{0, 0, 0}));
  EXPECT_TRUE(at::equal(gradients, at::zeros_like(gradients)));
  gradients.fill_(3);
  optimizer.ClearGradients();
  optimizer.ForgoZeros();
  EXPECT_EQ(optimizer.TakeGradients(), (Optimizer::Mask{0, 0, 0}));
  EXPECT_TRUE(at::equal(gradients, at::full_like(gradients, 3)));
}

TEST_F(OptimizerTest, AnOptimizerThatGoesLeavesZeros) {
  const auto parameters = MakeParameters(at::kDouble);
  Optimizer keeper = Make(parameters);
  keeper.Prepare();
  const Tensor& gradients = keeper.segments()[0].tensors.gradient;
  {
    Optimizer other = Make(parameters);
    other.Prepare();
    gradients.fill_(3);
    other.ClearGradients();
  }
  EXPECT_TRUE(at::equal(gradients, at::zeros_like(gradients)));
}

TEST_F(OptimizerTest, GradientsFromBeforeTheFirstStepAreUsed) {
  const auto parameters = MakeParameters(at::kDouble);
  const Tensor expected = (*parameters)[1].detach() - 0.1;
  (*parameters)[1].sum().backward();
  Optimizer optimizer = Make(parameters);
  optimizer.Prepare();
  EXPECT_EQ(optimizer.TakeGradients(), (Optimizer::Mask{0, 1, 0}));
  optimizer.Update(optimizer.TakeGradients());
  EXPECT_TRUE(at::equal((*parameters)[1], expected));
}

TEST_F(OptimizerTest, AStaleGraphNoticesTheUpdate) {
  const auto parameters = MakeParameters(at::kDouble);
  Optimizer optimizer = Make(parameters);
  optimizer.Prepare();
  const Tensor loss = LossOf((*parameters)[0]);
  loss.backward({}, /*retain_graph=*/true);
  optimizer.Update(optimizer.TakeGradients());
  EXPECT_THROW(loss.backward(), c10::Error);
}

TEST_F(OptimizerTest, AnOptimizerWithoutParametersDoesNothing) {
  Optimizer optimizer = Make(MakeRelu());
  EXPECT_FALSE(optimizer.Prepare());
  optimizer.ZeroGradients();
  optimizer.Update(optimizer.TakeGradients());
  EXPECT_TRUE(optimizer.segments().empty());
}

// Updates with gradients of 0 from a state of 1: the averages of gradients get smaller than any
// number that has all of its bits, and are 0 then.
template <class T>
void ExpectAveragesToVanish(const UpdateRule& rule, int average, int64_t steps) {
  T parameter[17] = {}, gradient[17] = {}, state[kMaxStates][17];
  for (auto& each : state) std::fill(std::begin(each), std::end(each), T{1});
  const UpdateMemory<T> memory{parameter, gradient, {state[0], state[1], state[2]}, 17};
  T smallest = 1;
  for (int64_t step = 1; step <= steps; ++step) {
    rule.Apply(memory, {step, 0.01});
    for (T value : state[average]) {
      if (value != 0) smallest = std::min(smallest, std::abs(value));
    }
  }
  for (T value : state[average]) EXPECT_EQ(value, 0);
  EXPECT_GE(smallest, std::numeric_limits<T>::min());
  EXPECT_LT(smallest, 2 * std::numeric_limits<T>::min());
}

// Whose difference to 1 has few digits in float32, or none.
TEST(UpdateRuleTest, FactorsCloseToOneWeighWhatIsNew) {
  for (const double factor : {0.9999, 0.999999, 0.99999999}) {
    const auto expect = [](const UpdateRule& rule, float expected) {
      SCOPED_TRACE(rule.Description());
      float parameter = 1, gradient = 0.5, state[kMaxStates] = {};
      rule.Apply(UpdateMemory<float>{&parameter, &gradient, {state, state + 1, state + 2}, 1},
                 {1, 0.125});
      EXPECT_NEAR(parameter, expected, 2e-6 * std::abs(expected));
    };
    expect(*MakeAdam({.beta1 = factor, .beta2 = factor}), 0.875f);
    const double squares = (1 - factor) * 0.25;
    expect(*MakeRmsprop({.alpha = factor}),
           static_cast<float>(1 - 0.125 * 0.5 / (std::sqrt(squares) + 1e-8)));

    float parameter = 3, gradient = 0, average = 3;
    const auto averaging = MakeAveraging(MakeSgd({}), factor);
    averaging->Apply(UpdateMemory<float>{&parameter, &gradient, {&average}, 1}, {1, 0.125});
    parameter = 1e6;
    averaging->Apply(UpdateMemory<float>{&parameter, &gradient, {&average}, 1}, {2, 0.125});
    EXPECT_NEAR(average, 3 + (1 - factor) * (1e6 - 3), 1e-5);
  }
}

TEST(UpdateRuleTest, AveragesThatDecayDoNotEndInDenormals) {
  const auto expect = [](const std::unique_ptr<UpdateRule>& rule, int average) {
    SCOPED_TRACE(rule->name());
    ExpectAveragesToVanish<float>(*rule, average, 1000);
    ExpectAveragesToVanish<double>(*rule, average, 7000);
  };
  expect(MakeSgd({.momentum = 0.9}), 0);
  expect(MakeSgd({.momentum = 0.9, .nesterov = true}), 0);
  expect(MakeAdam({}), 0);
  expect(MakeRmsprop({.momentum = 0.9}), 1);
}

}  // namespace
}  // namespace eta::tensor
