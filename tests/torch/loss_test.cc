#include "torch/loss.h"

#include <gtest/gtest.h>

#include "tests/torch/script.h"
#include "torch/tensor_object.h"

namespace eta::tensor {
namespace {

struct Case {
  const char* loss;       // its first arguments and options, without a reduction
  const char* arguments;  // tensors
  double denominator;
};

// p, q: 6 x 4; s: probabilities; k: classes; some: classes of which 2 are -100; w: class weights.
const Case kCases[] = {
    {"nn/mse-loss", "p q", 24},
    {"nn/mse-loss", "row q", 24},
    {"nn/l1-loss", "p q", 24},
    {"nn/smooth-l1-loss", "p q", 24},
    {"nn/huber-loss", "p q", 24},
    {"nn/kl-loss", "p s", 24},
    {"nn/bce-loss", "s s", 24},
    {"nn/bce-with-logits-loss", "p s 'positive-weight w", 24},
    {"nn/cross-entropy-loss", "p s", 6},
    {"nn/cross-entropy-loss", "p s 'weight w 'label-smoothing 0.1", 6},
    {"nn/cross-entropy-loss", "row (torch/tref s 0)", 1},
    {"nn/cross-entropy-loss", "p k", 6},
    {"nn/cross-entropy-loss", "p some", 4},
    {"nn/cross-entropy-loss", "p k 'ignore-index 3", 5},
    {"nn/cross-entropy-loss", "p k 'weight w", 1 + 2 + 3 + 4 + 1 + 2},
    {"nn/cross-entropy-loss", "p some 'weight w 'label-smoothing 0.2", 1 + 4 + 1 + 2},
    {"nn/cross-entropy-loss", "image pixels", 6},
    {"nn/nll-loss", "p some 'weight w", 1 + 4 + 1 + 2},
    {"nn/cosine-loss", "p q (torch/tensor '(1 1 -1 -1 1 1))", 6},
    {"nn/cosine-loss", "p q (torch/ones '(1))", 6},
    {"nn/cosine-loss", "p (torch/ones '(1 4)) (torch/ones '(1))", 6},
    {"nn/triplet-loss", "p q s", 6},
    {"nn/triplet-loss", "(torch/ones '(1 4)) (torch/zeros '(1 4)) p", 6},
    {"nn/cross-entropy-loss", "wide (torch/tensor '(156 1) #f 'uint8)", 2},
    {"nn/cross-entropy-loss", "p (torch/to-dtype k 'uint8) 'weight w", 1 + 2 + 3 + 4 + 1 + 2},
};

const char* const kTensors = R"(
(define p (torch/randn '(6 4)))
(define q (torch/randn '(6 4)))
(define s (torch/softmax (torch/randn '(6 4)) 1))
(define row (torch/randn '(4)))
(define k (torch/tensor '(0 1 2 3 0 1) 'int64))
(define some (torch/tensor '(0 -100 -100 3 0 1) 'int64))
(define w (torch/tensor '(1 2 3 4)))
(define wide (torch/randn '(2 200)))
(define image (torch/randn '(2 4 3)))
(define pixels (torch/tensor '((0 1 2) (3 0 1)) 'int64))
)";

std::string Loss(const Case& c, const std::string& reduction) {
  return "(" + std::string(c.loss) + " " + c.arguments + " 'reduction '" + reduction + ")";
}

// The note of the only loss that a program computes, which it calls `loss`.
const LossNote* NoteOf(Script& script, const LossNotes& notes, const std::string& program) {
  EXPECT_EQ(script.Run(program), "") << program;
  for (Value global : script.vm().globals()) {
    const Tensor* tensor = TensorIn(global);
    if (tensor == nullptr) continue;
    if (const LossNote* note = notes.Find(*tensor)) return note;
  }
  return nullptr;
}

TEST(LossTest, AMeanIsTheSumDividedByItsDenominator) {
  for (const Case& c : kCases) {
    Script script;
    const LossNotes notes(TensorContext::Of(script.vm()));
    const std::string program = kTensors + ("(define loss " + Loss(c, "mean") + ")") +
                                "(define sum " + Loss(c, "sum") + ")";
    const std::string quotient = script.Run(program + "(write (torch/item (torch/div sum loss)))");
    EXPECT_NEAR(std::stod(quotient), c.denominator, 1e-9) << c.loss << " " << c.arguments;
    const LossNotes inner(TensorContext::Of(script.vm()));
    const LossNote* note =
        NoteOf(script, inner, kTensors + ("(define loss " + Loss(c, "mean") + ")"));
    ASSERT_NE(note, nullptr) << c.loss;
    EXPECT_FALSE(note->adds);
    EXPECT_NEAR(note->denominator(), c.denominator, 1e-12) << c.loss << " " << c.arguments;
  }
}

TEST(LossTest, ASumAddsUp) {
  Script script;
  const LossNotes notes(TensorContext::Of(script.vm()));
  const LossNote* note =
      NoteOf(script, notes,
             "(define loss (nn/mse-loss (torch/ones '(3)) (torch/zeros '(3)) 'reduction 'sum))");
  ASSERT_NE(note, nullptr);
  EXPECT_TRUE(note->adds);
}

TEST(LossTest, WhatIsNotReducedOrChangedIsNotNoted) {
  Script script;
  const LossNotes notes(TensorContext::Of(script.vm()));
  EXPECT_EQ(NoteOf(script, notes,
                   "(define x (torch/ones '(3)))"
                   "(define elements (nn/mse-loss x x 'reduction 'none))"
                   "(define half (torch/mul (nn/mse-loss x x) (torch/tensor 0.5)))"),
            nullptr);
}

}  // namespace
}  // namespace eta::tensor
