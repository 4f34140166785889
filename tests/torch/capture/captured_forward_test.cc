#include "torch/capture/captured_forward.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "torch/extension.h"

namespace eta::tensor {
namespace {

class CapturedForwardTest : public testing::Test {
 protected:
  CapturedForwardTest() : vm_({}) {
    InstallTensors(vm_);
    Enter("(import std.core std.nn)");
  }

  Value Enter(const std::string& text) {
    Value value;
    EXPECT_TRUE(vm_.RunSubmission(text, "test.eta", &value)) << text;
    return value;
  }
  // A module, which stays reachable as the variable `model`.
  std::shared_ptr<Module> Make(const std::string& text) {
    Enter("(define model " + text + ")");
    return *ModuleIn(Enter("model"));
  }

  Tensor Run(CapturedForward& forward, const Tensor& input) {
    std::string_view culprit;
    return forward.Run(context(), input, &culprit);
  }
  Tensor RunEagerly(Module& module, const Tensor& input) {
    const at::NoGradGuard no_grad;
    return module.Forward(context(), input);
  }
  TensorContext& context() { return TensorContext::Of(vm_); }

  // Expects the same of the captured and of the eager model for new inputs, from the same random
  // state. Returns how many were replayed.
  int64_t ReplaysOf(CapturedForward& forward, Module& module, at::IntArrayRef sizes, int runs) {
    const int64_t before = forward.replays();
    for (int i = 0; i < runs; ++i) {
      const Tensor input = at::randn(sizes, at::kDouble);
      at::Generator generator = context().generator();
      const Tensor state = generator.get_state();
      const Tensor expected = RunEagerly(module, input);
      generator.set_state(state);
      EXPECT_TRUE(at::equal(Run(forward, input), expected));
    }
    return forward.replays() - before;
  }

  Vm vm_;
};

TEST_F(CapturedForwardTest, GivesWhatTheModelGives) {
  for (const char* text :
       {"(nn/sequential (nn/linear 6 16) (nn/relu-layer) (nn/linear 16 4))",
        "(nn/sequential (nn/linear 6 16) (nn/dropout 0.5) (nn/linear 16 4))", "(nn/relu-layer)",
        "(nn/sequential (layer-norm '(6)) (residual (nn/linear 6 6) (gelu-layer)))",
        "(nn/sequential (nn/linear 6 4) (make-module '() (lambda (x) (torch/mul x (torch/tensor "
        "2)))))"}) {
    SCOPED_TRACE(text);
    const auto model = Make(text);
    CapturedForward forward(model);
    EXPECT_EQ(ReplaysOf(forward, *model, {5, 6}, 4), 3);
    EXPECT_EQ(ReplaysOf(forward, *model, {2, 6}, 4), 3);
    EXPECT_EQ(ReplaysOf(forward, *model, {5, 6}, 2), 2);
    model->SetTraining(false);
    EXPECT_EQ(ReplaysOf(forward, *model, {5, 6}, 4), 3);
    EXPECT_EQ(forward.kinds().size(), 3u);
  }
}

TEST_F(CapturedForwardTest, LstmsInFloat32GiveTheSameButForRounding) {
  const auto model = Make("(lstm 6 20 'layers 2)");
  for (const NamedParameter& parameter : model->Parameters()) {
    parameter.tensor.set_data(parameter.tensor.detach().to(at::kFloat));
  }
  CapturedForward forward(model);
  for (int i = 0; i < 4; ++i) {
    const Tensor input = at::randn({3, 7, 6}, at::kFloat);
    const Tensor expected = RunEagerly(*model, input);
    EXPECT_LE((Run(forward, input) - expected).abs().max().item<double>(), 1e-6);
  }
  EXPECT_EQ(forward.replays(), 3);
  EXPECT_EQ(forward.kinds().at(0)->plan->rounding_steps(), 2u);
}

TEST_F(CapturedForwardTest, SeesOtherParameters) {
  const auto model = Make("(nn/linear 6 4)");
  CapturedForward forward(model);
  EXPECT_EQ(ReplaysOf(forward, *model, {5, 6}, 2), 1);
  std::vector<Tensor> doubled;
  for (const auto& parameter : model->Parameters()) doubled.push_back(parameter.tensor * 2);
  model->LoadParameters(doubled);
  EXPECT_EQ(ReplaysOf(forward, *model, {5, 6}, 2), 2);
  // Ones that lie elsewhere, as an optimizer lays them out.
  for (const auto& parameter : model->Parameters()) {
    const at::NoGradGuard no_grad;
    Tensor(parameter.tensor).set_data(parameter.tensor.detach().clone());
  }
  EXPECT_EQ(ReplaysOf(forward, *model, {5, 6}, 3), 2);
}

TEST_F(CapturedForwardTest, AnOutputIsTheCallers) {
  const auto model = Make("(nn/linear 6 4)");
  CapturedForward forward(model);
  const Tensor input = at::randn({5, 6}, at::kDouble);
  (void)Run(forward, input);
  const Tensor first = Run(forward, input), copy = first.clone();
  EXPECT_FALSE(first.requires_grad());
  (void)Run(forward, input + 1);
  EXPECT_TRUE(at::equal(first, copy));
  EXPECT_EQ(forward.replays(), 2);
}

TEST_F(CapturedForwardTest, RunsAsEverWhatItCannotRepeat) {
  Enter("(define n 0)");
  const auto counting =
      Make("(make-module '() (lambda (x) (set! n (+ n 1)) (torch/mul x (torch/tensor n))))");
  CapturedForward forward(counting);
  const Tensor input = at::ones({2}, at::kDouble);
  for (int i = 1; i < 5; ++i) EXPECT_EQ(Run(forward, input)[0].item().toInt(), i);
  EXPECT_EQ(forward.replays(), 0);
  EXPECT_EQ(forward.kinds()[0]->problem, "in procedures of the program the variable n is set");
}

TEST_F(CapturedForwardTest, SeesVariablesThatChange) {
  Enter("(define n 1)");
  const auto model = Make("(make-module '() (lambda (x) (torch/mul x (torch/tensor n))))");
  CapturedForward forward(model);
  const Tensor input = at::ones({2}, at::kDouble);
  for (int i = 1; i < 30; ++i) {
    EXPECT_EQ(Run(forward, input)[0].item().toInt(), i);
    Enter("(set! n (+ n 1))");
  }
  EXPECT_EQ(forward.replays(), 0);
  EXPECT_EQ(forward.kinds()[0]->problem, "variables that it reads change");
}

TEST_F(CapturedForwardTest, SeesThatAParameterIsFrozen) {
  Enter("(define w (torch/requires-grad! (torch/ones '(2)) #t))");
  const auto model = Make(
      "(make-module (list (cons 'w w))"
      " (lambda (x) (torch/mul x (if (torch/requires-grad? w) w (torch/tensor 5)))))");
  CapturedForward forward(model);
  const Tensor input = at::ones({2}, at::kDouble);
  for (int i = 0; i < 3; ++i) EXPECT_EQ(Run(forward, input)[0].item().toInt(), 1);
  Enter("(torch/requires-grad! w #f)");
  for (int i = 0; i < 3; ++i) EXPECT_EQ(Run(forward, input)[0].item().toInt(), 5);
  EXPECT_GT(forward.replays(), 0);
}

TEST_F(CapturedForwardTest, AnErrorIsOfTheOperation) {
  const auto model = Make("(embedding 10 3)");
  CapturedForward forward(model);
  const Tensor good = at::zeros({4}, at::kLong), bad = at::full({4}, 12, at::kLong);
  (void)Run(forward, good);
  std::string_view culprit;
  EXPECT_THROW((void)forward.Run(context(), bad, &culprit), std::exception);
  EXPECT_EQ(culprit, "torch/embedding");
  EXPECT_TRUE(at::equal(Run(forward, good), RunEagerly(*model, good)));
  EXPECT_EQ(forward.replays(), 1);
}

}  // namespace
}  // namespace eta::tensor
