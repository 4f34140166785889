#include "torch/eta_module.h"

#include <ATen/ops/ones.h>
#include <gtest/gtest.h>

#include "tests/torch/script.h"

namespace eta::tensor {
namespace {

class EtaModuleTest : public testing::Test {
 protected:
  // The module that a program calls `model`.
  std::shared_ptr<Module> ModelOf(const std::string& program) {
    EXPECT_EQ(script_.Run(program), "") << program;
    for (Value global : script_.vm().globals()) {
      if (const auto* module = ModuleIn(global)) return *module;
    }
    return nullptr;
  }
  TensorContext& context() { return TensorContext::Of(script_.vm()); }

  Script script_;
};

std::vector<std::string> Names(const std::vector<NamedParameter>& tensors) {
  std::vector<std::string> names;
  for (const auto& tensor : tensors) names.push_back(tensor.name);
  return names;
}

constexpr const char* kModel = R"(
  (define model
    (nn/sequential
      (nn/make-module
        (list (cons 'scale (torch/tensor 2 #t)) (cons 'seen (torch/zeros '(1)))
              (cons 'inner (nn/linear 1 1)))
        (lambda (x) (torch/mul x (torch/tensor 3))))))
)";

TEST_F(EtaModuleTest, PartsHaveTheirPathAsName) {
  const auto model = ModelOf(kModel);
  EXPECT_EQ(Names(model->Parameters()),
            (std::vector<std::string>{"0.scale", "0.inner.weight", "0.inner.bias"}));
  EXPECT_EQ(Names(model->Buffers()), (std::vector<std::string>{"0.seen"}));
}

TEST_F(EtaModuleTest, BuffersMoveAlong) {
  const auto model = ModelOf(kModel);
  const Tensor buffer = model->Buffers()[0].tensor;
  const void* before = buffer.data_ptr();
  model->MoveTo(context(), c10::Device(c10::kCPU, 0));  // another device that is always there
  EXPECT_NE(buffer.data_ptr(), before);
}

TEST_F(EtaModuleTest, TheProcedureLivesAsLongAsWhatHoldsTheModule) {
  const auto model = ModelOf(kModel);
  // Only the sequential module refers to the module, and only the module to its procedure.
  script_.vm().heap().Collect();
  script_.Run("(define garbage (make-vector 1000 1.5))");
  const Tensor y = model->Forward(context(), at::ones({1}, at::kDouble));
  ASSERT_TRUE(y.defined());
  EXPECT_EQ(y.item().toDouble(), 3);
}

TEST_F(EtaModuleTest, AnErrorOfTheProcedureIsAnUndefinedTensor) {
  const auto model = ModelOf("(define model (nn/make-module '() (lambda (x) (car x))))");
  EXPECT_FALSE(model->Forward(context(), at::ones({1})).defined());
  EXPECT_EQ(script_.vm().TakePending().message, "car: not a pair");
}

}  // namespace
}  // namespace eta::tensor
