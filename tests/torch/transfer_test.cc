#include "torch/transfer.h"

#include <gtest/gtest.h>

#include <string>
#include <thread>

#include "tests/torch/script.h"
#include "torch/data/dataset.h"
#include "torch/module.h"
#include "torch/optimizer.h"
#include "torch/tensor_object.h"
#include "vm/parcel.h"
#include "vm/printer.h"

namespace eta::tensor {
namespace {

// By whether the receiver collects at every allocation.
class TransferTest : public testing::TestWithParam<bool> {
 protected:
  // The value of the program's last form in the sender.
  Value Make(const std::string& program) {
    Value value;
    EXPECT_TRUE(sender_->vm().RunSubmission(kNames + program, "sender.eta", &value));
    return value;
  }

  // What the procedure, in a thread with a Vm of its own, gives for a copy of what the program
  // made, as write shows it; the sender is gone by then.
  std::string Arrives(const std::string& program, const std::string& procedure) {
    const auto parcel = Pack(sender_->vm(), Make(program));
    if (!parcel) return "refused: " + parcel.error();
    sender_.reset();
    std::string result;
    std::thread([&] { result = Apply(**parcel, procedure); }).join();
    return result;
  }

  static std::string Apply(const Parcel& parcel, const std::string& procedure) {
    Heap::Options heap;
    heap.stress = GetParam();
    Script receiver({.threads = 1}, heap);
    Vm& vm = receiver.vm();
    const auto copy = Unpack(parcel, vm);
    if (!copy) return "refused: " + copy.error();
    const Root argument(vm.heap(), *copy);
    Value made;
    EXPECT_TRUE(vm.RunSubmission(kNames + procedure, "receiver.eta", &made));
    const Root callee(vm.heap(), made);
    const Value arguments[] = {argument};
    const Root result(vm.heap(), vm.Call(callee, arguments));
    if (result.get().IsFailure()) return "error: " + vm.pending().message;
    return ToText(vm, result, PrintMode::kWrite);
  }

  static std::string Names() {
    std::string text;
    for (const char* name : {"torch/tensor",
                             "torch/to-list",
                             "torch/argmax",
                             "torch/requires-grad!",
                             "torch/requires-grad?",
                             "torch/backward",
                             "torch/grad",
                             "torch/ones",
                             "torch/zeros",
                             "torch/item",
                             "torch/manual-seed",
                             "nn/linear",
                             "nn/sequential",
                             "nn/relu-layer",
                             "nn/sigmoid-layer",
                             "nn/dropout",
                             "nn/forward",
                             "nn/parameters",
                             "nn/eval!",
                             "nn/mse-loss",
                             "optim/sgd",
                             "optim/adam",
                             "optim/step!",
                             "optim/optimizer?",
                             "data/dataset"}) {
      const std::string builtin = name;
      text += "(define " + builtin.substr(builtin.find('/') + 1) + ' ' + builtin + ")\n";
    }
    return text;
  }
  // Short names for the builtins.
  static inline const std::string kNames = Names();
  std::unique_ptr<Script> sender_ = std::make_unique<Script>(TensorSettings{.threads = 1});
};

TEST_P(TransferTest, TensorsArriveWithShapeDtypeAndElements) {
  EXPECT_EQ(Arrives("(list (tensor '((1 2) (3 4.5))) (argmax (tensor '(1 5 2))))",
                    "(lambda (x)"
                    "  (list (map to-list x) (map torch/shape x) (map torch/dtype x)))"),
            "(((1.0 2.0 3.0 4.5) (1.0)) ((2 2) ()) (float64 int64))");
}

TEST_P(TransferTest, LeavesKeepTrackOfGradientsAndResultsDoNot) {
  EXPECT_EQ(Arrives("(define w (requires-grad! (tensor '(2.0 3.0)) #t)) (list w (torch/mul w w))",
                    "(lambda (x)"
                    "  (let ((w (car x)))"
                    "    (backward (torch/sum (torch/mul w w)))"
                    "    (list (requires-grad? w) (to-list (grad w))"
                    "          (requires-grad? (car (cdr x))))))"),
            "(#t (4.0 6.0) #f)");
}

TEST_P(TransferTest, HandlesOfOneTensorStayHandlesOfOne) {
  EXPECT_EQ(Arrives("(define m (linear 2 1)) (list m (car (parameters m)))",
                    "(lambda (x)"
                    "  (backward (torch/sum (forward (car x) (ones '(1 2)))))"
                    "  (to-list (grad (car (cdr x)))))"),
            "(1.0 1.0)");
}

TEST_P(TransferTest, ModulesArriveWithParametersModeAndStructure) {
  const std::string make =
      "(manual-seed 3)"
      "(define shared (linear 3 3))"
      "(define m (sequential shared (relu-layer) (sigmoid-layer) (dropout 0.5) shared))"
      "(eval! m)"
      "(list m (to-list (forward m (ones '(1 3)))))";
  EXPECT_EQ(Arrives(make,
                    "(lambda (x) (list (equal? (to-list (forward (car x) (ones '(1 3))))"
                    "                          (car (cdr x)))"
                    "                  (length (parameters (car x)))))"),
            "(#t 2)");
}

TEST_P(TransferTest, OptimizersGoOnWhereTheyWere) {
  for (const std::string optimizer : {"(sgd m 0.1 'momentum 0.9)", "(adam m 0.01)"}) {
    sender_ = std::make_unique<Script>(TensorSettings{.threads = 1});
    const std::string make =
        "(manual-seed 3) (define m (sequential (linear 2 3) (relu-layer) (linear 3 1)))"
        "(define opt " +
        optimizer +
        ")"
        "(define (steps n) (if (> n 0) (begin (optim/zero-grad! opt)"
        "  (backward (mse-loss (forward m (tensor '((1 2) (3 4)))) (tensor '((1) (0)))))"
        "  (step! opt) (steps (- n 1)))))"
        "(define (weights) (map to-list (parameters m)))"
        "(steps 5)"
        "(list steps weights)";
    const Value made = Make(make);
    const auto parcel = Pack(sender_->vm(), made);
    ASSERT_TRUE(parcel) << parcel.error();
    const std::string go_on = "(lambda (x) ((car x) 4) ((car (cdr x))))";
    std::string there;
    std::thread([&] { there = Apply(**parcel, go_on); }).join();
    Value weights;
    ASSERT_TRUE(sender_->vm().RunSubmission("(steps 4) (weights)", "more.eta", &weights));
    EXPECT_TRUE(SameText(ToText(sender_->vm(), weights, PrintMode::kWrite), there)) << there;
  }
}

TEST_P(TransferTest, CopiesOfAnOptimizerBeforeItsFirstStepCanGoOnToOthers) {
  const auto first = Pack(sender_->vm(), Make("(define m (linear 2 1)) (list m (adam m 0.1))"));
  ASSERT_TRUE(first);
  Script middle({.threads = 1});
  const auto copy = Unpack(**first, middle.vm());
  ASSERT_TRUE(copy);
  const auto second = Pack(middle.vm(), *copy);
  ASSERT_TRUE(second);
  EXPECT_EQ(Apply(**second, "(lambda (x) (optimizer? (car (cdr x))))"), "#t");
}

TEST_P(TransferTest, AnOptimizerOfWhichRanksHaveAPartIsRefused) {
  const Value made = Make("(define m (linear 2 1)) (define opt (adam m 0.1)) opt");
  (*OptimizerIn(made))->state_is_sliced = true;
  const auto parcel = Pack(sender_->vm(), made);
  ASSERT_FALSE(parcel);
  EXPECT_EQ(parcel.error(), "an optimizer whose state is spread over the replicas");
}

TEST_P(TransferTest, DatasetsShareTheirRowsAmongReceivers) {
  const auto parcel = Pack(sender_->vm(), Make("(dataset (ones '(4 2)) (zeros '(4)))"));
  ASSERT_TRUE(parcel);
  Script one({.threads = 1}), two({.threads = 1});
  const auto in_one = Unpack(**parcel, one.vm());
  const auto in_two = Unpack(**parcel, two.vm());
  ASSERT_TRUE(in_one && in_two);
  EXPECT_EQ(DatasetIn(*in_one)->inputs.const_data_ptr(),
            DatasetIn(*in_two)->inputs.const_data_ptr());
  EXPECT_FALSE(DatasetIn(*in_one)->inputs.is_same(DatasetIn(*in_two)->inputs));
}

TEST_P(TransferTest, BatchesGoOnWithTheirTransform) {
  EXPECT_EQ(Arrives("(define factor 3)"
                    "(data/batches (dataset (ones '(4 2)) (zeros '(4))) 'batch-size 3"
                    "              'transform (lambda (x) (torch/mul x (tensor factor))))",
                    "(lambda (bs) (item (torch/sum ((data/transform bs) (ones '(3 2))))))"),
            "18.0");
}

TEST_P(TransferTest, AnEpochGoesOnWhereItWas) {
  EXPECT_EQ(Arrives("(define epoch (data/start-epoch (data/batches"
                    "  (dataset (tensor '((1) (2) (3))) (zeros '(3))) 'batch-size 2)))"
                    "(data/next-batch epoch) epoch",
                    "(lambda (epoch) (to-list (car (data/next-batch epoch))))"),
            "(3.0)");
}

TEST_P(TransferTest, TensorProceduresArriveWhereNoTensorWasYet) {
  EXPECT_EQ(Arrives("(define t (ones '(2))) (lambda (x) (to-list (torch/add t x)))",
                    "(lambda (f) (f (tensor 1)))"),
            "(2.0 2.0)");
}

INSTANTIATE_TEST_SUITE_P(Receivers, TransferTest, testing::Bool(),
                         [](const auto& info) { return info.param ? "Stressed" : "Plain"; });

}  // namespace
}  // namespace eta::tensor
