// save-checkpoint, load-checkpoint, save-safetensors, load-safetensors, as programs call them.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>

#include "tests/parallel/training/replicas.h"
#include "tests/support/temporary_folder.h"

namespace eta::parallel {
namespace {

class CheckpointTest : public testing::Test {
 protected:
  // A program with `path`, a model, a schedule and `(steps n)`, which trains and writes the losses.
  std::string Program(const std::string& body, const std::string& optimizer = "(adam model 0.05)",
                      const std::string& model =
                          "(sequential (linear 3 4) (batch-norm 4) (dropout 0.3) (linear 4 2))") {
    return "(import std.io std.torch std.nn std.optim) (define path \"" + path_ +
           "\") (manual-seed 4) (define model " + model + ") (define opt " + optimizer +
           ") (define s (plateau-schedule opt 'factor 0.5 'patience 0))" + R"(
      (define (step)
        (let ((loss (train-step! model opt mse-loss (randn '(6 3)) (randn '(6 2)))))
          (schedule-step! s loss)
          (write loss) (newline)))
      (define (steps n) (when (> n 0) (step) (steps (- n 1))))
      (define (save) (save-checkpoint path 'model model 'optimizer opt 'schedule s
                                      'step 3 'notes '(1.5 "a" b (#t #\c) (1 . 2))))
      (define (load) (load-checkpoint path 'model model 'optimizer opt 'schedule s)))" +
           body;
  }
  // What the program writes, or its error.
  static std::string Run(const std::string& program) {
    const ReplicaResult result = RunReplicas(1, program)[0];
    const std::string tag = "runtime.type-error: ";
    if (result.error.starts_with(tag)) return "error: " + result.error.substr(tag.size());
    return result.error.empty() ? result.output : "error: " + result.error;
  }
  std::string Bytes() const {
    std::ifstream file(path_, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
  }
  auto CountFiles() const {
    return std::distance(std::filesystem::directory_iterator(folder_.path()), {});
  }

  const TemporaryFolder folder_;
  const std::string path_ = folder_.Path("run.ckpt");
};

TEST_F(CheckpointTest, TrainingGoesOnAsIfNothingHadHappened) {
  for (const char* optimizer :
       {"(sgd model 0.05)", "(sgd model 0.05 'momentum 0.9)", "(adam model 0.05 'average 0.9)",
        "(adamw model 0.05)", "(rmsprop model 0.01 'momentum 0.5)", "(adagrad model 0.1)",
        "(adam model 0.05 'groups (list (list (list (car (parameters model))) 'rate-scale 2)))"}) {
    SCOPED_TRACE(optimizer);
    const std::string shown =
        "(write (map to-list (parameters model))) (write (learning-rate opt))"
        "(write (map to-list (buffers model)))";
    const std::string whole =
        Run(Program("(steps 3) (save) (newline) (steps 3)" + shown, optimizer));
    ASSERT_EQ(whole.find("error"), whole.npos) << whole;
    // Another start: other weights, other random numbers.
    const std::string again =
        Run(Program("(manual-seed 77) (randn '(5)) (load) (steps 3)" + shown, optimizer));
    EXPECT_EQ(again, whole.substr(whole.find("\n\n") + 2));
    // In the midst of another training.
    const std::string later =
        Run(Program("(steps 2) (newline) (load) (steps 3)" + shown, optimizer));
    EXPECT_EQ(later.substr(later.find("\n\n") + 2), again);
  }
}

TEST_F(CheckpointTest, ValuesComeBack) {
  Run(Program("(save)"));
  EXPECT_EQ(Run(Program("(define found (load)) (write (hash-map-ref found 'step))"
                        "(write (hash-map-ref found 'notes)) (write (hash-map-size found))")),
            "3(1.5 \"a\" b (#t #\\c) (1 . 2))2");
  EXPECT_EQ(CountFiles(), 1);
}

TEST_F(CheckpointTest, WhatIsNoDataIsNotSaved) {
  for (const char* value :
       {"car", "(tensor 1)", "(hash-map 1 2)", "(list 1 (lambda (x) x))",
        "(item (t/ (tensor 1) (tensor 0)))", "(item (t/ (tensor 0) (tensor 0)))"}) {
    EXPECT_EQ(Run(Program("(save-checkpoint path 'x " + std::string(value) + ")"))
                  .find("error: optim/save-checkpoint: the part 'x' cannot be saved"),
              0u)
        << value;
  }
  EXPECT_EQ(CountFiles(), 0);
}

TEST_F(CheckpointTest, InTheMidstOfAccumulatingNothingIsSaved) {
  EXPECT_EQ(
      Run(Program("(train-step! model opt mse-loss (randn '(6 3)) (randn '(6 2))) (save)",
                  "(sgd model 0.1 'accumulate 2)")),
      "error: optim/save-checkpoint: the optimizer 'optimizer' has gathered gradients that it "
      "has not used yet: save after its update");
}

// What the file holds is not what is asked for: an error, and nothing has changed.
TEST_F(CheckpointTest, WhatDoesNotFitChangesNothing) {
  Run(Program("(steps 2) (save)"));
  struct {
    const char* body;
    const char* reason;
    const char* optimizer = "(adam model 0.05)";
  } const kCases[] = {
      {"(load-checkpoint path 'model model 'other opt)", "has no part 'other', only: model notes"},
      {"(load-checkpoint path 'model opt)", "is of kind module, not optimizer"},
      {"(load-checkpoint path 'model model 'optimizer model)", "is of kind optimizer, not module"},
      {"(load-checkpoint path 'model model 'step model)", "is of kind value, not module"},
      {"(load-checkpoint path 'model model 'notes s)", "the part 'notes' is no such schedule"},
      {"(load-checkpoint path 'model model 'schedule (step-schedule opt 3))",
       "the part 'schedule' is no such schedule"},
      {"(load)", "is adam, not sgd", "(sgd model 0.05)"},
      {"(load)", "the optimizer had other options", "(adam model 0.05 'average 0.5)"},
  };
  for (const auto& c : kCases) {
    SCOPED_TRACE(c.body);
    const std::string program = Program(
        "(define before (map to-list (append (parameters model) (buffers model))))"
        "(define result (catch 'runtime.error " +
            std::string(c.body) +
            "))"
            "(write (list-ref result 2)) (write (equal? before (map to-list (append (parameters "
            "model)"
            "(buffers model))))) (write (learning-rate opt))",
        c.optimizer);
    const std::string output = Run(program);
    EXPECT_NE(output.find(c.reason), output.npos) << output;
    EXPECT_NE(output.find("#t0.05"), output.npos) << output;
  }
}

TEST_F(CheckpointTest, OtherShapesAndDtypesAreRefused) {
  Run("(import std.torch std.optim) (save-checkpoint \"" + path_ + "\" 'm (linear 3 2))");
  const auto load = [&](const std::string& model) {
    return Run("(import std.torch std.nn std.optim) (load-checkpoint \"" + path_ + "\" 'm " +
               model + ")");
  };
  const std::string error = "error: optim/load-checkpoint: ";
  EXPECT_EQ(load("(linear 2 2)"), error + "'m/weight' has shape (2 2), in '" + path_ + "' (2 3)");
  EXPECT_EQ(load("(sequential (linear 3 2))"),
            error + "'" + path_ + "' has no tensor 'm/0.weight'");
  EXPECT_EQ(load("(make-module (list (cons 'weight (zeros '(2 3) 'float32)) "
                 "(cons 'bias (zeros '(2)))) car)"),
            error + "'m/weight' has dtype float32, in '" + path_ + "' float64");
  EXPECT_EQ(load("(make-module (list (cons 'weight (zeros '(2 3)))) car)"),
            error + "'" + path_ + "' has 2 tensors where there is room for 1");
}

TEST_F(CheckpointTest, DamagedAndForeignFilesChangeNothing) {
  Run(Program("(steps 2) (save)"));
  const std::string whole = Bytes();
  const auto is_refused = [&](const std::string& bytes) {
    std::ofstream(path_, std::ios::binary) << bytes;
    const std::string result = Run(
        Program("(define before (map to-list (append (parameters model) (buffers model))))"
                "(define result (catch 'runtime.error (load)))"
                "(write (and (pair? result) (equal? before (map to-list (append (parameters model)"
                "(buffers model))))))"));
    return result == "#t";
  };
  EXPECT_FALSE(is_refused(whole));
  for (size_t at = 0; at < whole.size(); at += whole.size() / 40) {
    EXPECT_TRUE(is_refused(whole.substr(0, at))) << "cut at " << at;
    std::string flipped = whole;
    flipped[at] = static_cast<char>(flipped[at] ^ 4);
    EXPECT_TRUE(is_refused(flipped)) << "flipped at " << at;
  }
  EXPECT_TRUE(is_refused("not a checkpoint, but long enough"));
  EXPECT_TRUE(is_refused(""));
  Run(Program("(save-safetensors path model)"));
  EXPECT_EQ(Run(Program("(load)")),
            "error: optim/load-checkpoint: '" + path_ + "' is no checkpoint");
}

TEST_F(CheckpointTest, WrongCalls) {
  EXPECT_EQ(Run(Program("(save-checkpoint path 'model)")),
            "error: save-checkpoint: the last part has no value");
  EXPECT_EQ(Run(Program("(save-checkpoint path \"model\" model)")),
            "error: optim/save-checkpoint: a part is a name, a quoted symbol, and a value");
  EXPECT_EQ(Run(Program("(save-checkpoint path 'a/b model)")),
            "error: optim/save-checkpoint: a part cannot be called 'a/b'");
  EXPECT_EQ(Run(Program("(save-checkpoint path 'a 1 'a 2)")),
            "error: optim/save-checkpoint: two parts are called 'a'");
  EXPECT_EQ(Run(Program("(save-checkpoint 1 'a 1)")),
            "error: optim/save-checkpoint: path string required");
  EXPECT_EQ(Run(Program("(save-checkpoint \"/nowhere/x\" 'a 1)")),
            "error: optim/save-checkpoint: cannot write '/nowhere/x': No such file or directory");
  EXPECT_EQ(Run(Program("(load-checkpoint path 'model model)")),
            "error: optim/load-checkpoint: cannot read '" + path_ + "': No such file or directory");
}

// --- Replicas -----------------------------------------------------------------------------------

// Trains for `before` steps, saves or loads as `body` says, and for three more; writes the losses.
class CheckpointOfReplicasTest : public CheckpointTest {
 protected:
  std::string Training(const std::string& body, const std::string& optimizer,
                       const std::string& more_layers = "") const {
    return "(import std.torch std.nn std.optim) (import (except std.parallel rank))"
           "(define path \"" +
           path_ +
           "\") (manual-seed 4)"
           "(define model (sequential (linear 3 4) (tanh-layer) " +
           more_layers +
           " (linear 4 2)))"
           "(define opt " +
           optimizer + ") (define s (cosine-schedule opt 10))" + R"(
      (define (step)
        (let ((x (randn '(7 3))) (y (randn '(7 2))))
          (write (train-step! model opt mse-loss (shard x) (shard y)))
          (schedule-step! s)
          (newline)))
      (define (steps n) (when (> n 0) (step) (steps (- n 1))))
      (define (save) (save-checkpoint path 'model model 'optimizer opt 'schedule s 'step 3))
      (define (load) (load-checkpoint path 'model model 'optimizer opt 'schedule s)))" +
           body;
  }
};

TEST_F(CheckpointOfReplicasTest, AnyNumberGoesOnWithWhatAnyOtherSaved) {
  for (const char* optimizer :
       {"(sgd model 0.05 'momentum 0.9)", "(adam model 0.05 'average 0.9 'clip-norm 1)"}) {
    for (int saving : {1, 2, 3}) {
      const std::string whole =
          OutputOf(saving, Training("(steps 3) (save) (newline) (steps 3)", optimizer));
      const std::string after = whole.substr(whole.find("\n\n") + 2);
      for (int loading : {1, 2, 4}) {
        SCOPED_TRACE(std::string(optimizer) + std::to_string(saving) + std::to_string(loading));
        const std::string resumed =
            OutputOf(loading, Training("(manual-seed 9) (load) (steps 3)", optimizer));
        ExpectClose(after, resumed, 1e-9);
        if (saving == loading) {
          EXPECT_EQ(after, resumed);
        }
        // In the midst of another training, whose optimizer state is spread over the ranks.
        const std::string later =
            OutputOf(loading, Training("(steps 2) (newline) (load) (steps 3)", optimizer));
        ExpectClose(after, later.substr(later.find("\n\n") + 2), 1e-9);
      }
    }
  }
}

TEST_F(CheckpointOfReplicasTest, TheRanksGoOnWithTheirOwnRandomStreams) {
  const char* const optimizer = "(sgd model 0.05)";
  for (int ranks : {1, 2, 3}) {
    const std::string whole = OutputOf(
        ranks, Training("(steps 3) (save) (newline) (steps 3)", optimizer, "(dropout 0.5)"));
    EXPECT_EQ(OutputOf(ranks, Training("(load) (steps 3)", optimizer, "(dropout 0.5)")),
              whole.substr(whole.find("\n\n") + 2));
  }
}

TEST_F(CheckpointOfReplicasTest, AFailureOfOneChangesNothingOnAll) {
  OutputOf(2, Training("(steps 2) (save)", "(adam model 0.05)"));
  const auto results = RunReplicas(
      2,
      Training(
          "(steps 1) (define before (map to-list (parameters model)))"
          "(define result (catch 'runtime.error (if (= rank 1) (load-checkpoint path 'none model)"
          " (load))))"
          "(write (pair? result)) (write (equal? before (map to-list (parameters model)))) (step)",
          "(adam model 0.05)"));
  for (const ReplicaResult& result : results) {
    EXPECT_EQ(result.error, "");
    EXPECT_NE(result.output.find("#t#t"), std::string::npos) << result.output;
  }
}

TEST_F(CheckpointOfReplicasTest, AFailureToWriteIsEverybodys) {
  const auto results = RunReplicas(
      2, "(import std.torch std.optim) (save-checkpoint \"/nowhere/x\" 'model (linear 1 1))");
  EXPECT_EQ(results[0].error.find("runtime.type-error: optim/save-checkpoint: cannot write"), 0u)
      << results[0].error;
  EXPECT_NE(results[1].error.find("rank 0"), std::string::npos) << results[1].error;
}

// A rank that saves alone, while the others train, is found out.
TEST_F(CheckpointOfReplicasTest, AllRanksMustSave) {
  const auto results =
      RunReplicas(2, Training("(steps 1) (if (= rank 0) (save)) (steps 1)", "(adam model 0.05)"));
  for (const ReplicaResult& result : results) {
    EXPECT_NE(result.error.find("runtime.desync"), std::string::npos) << result.error;
  }
}

// --- safetensors --------------------------------------------------------------------------------

class SafetensorsOfProgramsTest : public CheckpointTest {
 protected:
  std::string Eval(const std::string& body) {
    return Run("(import std.torch std.tensor std.nn std.optim) (define path \"" + path_ + "\")" +
               body);
  }
};

TEST_F(SafetensorsOfProgramsTest, AllDtypesSurvive) {
  EXPECT_EQ(Eval(R"(
    (define dtypes '(float64 float32 float16 bfloat16 int64 int32 uint8 bool))
    (define numbers (torch/tensor '(0 1 2.5 100)))
    (save-safetensors path (map (lambda (d) (cons d (to-dtype numbers d))) dtypes))
    (define loaded (load-safetensors path))
    (for-each
      (lambda (d)
        (let ((t (hash-map-ref loaded (symbol->string d))))
          (write (and (eq? (dtype t) d) (tensor-equal? t (to-dtype numbers d))))))
      dtypes))"),
            "#t#t#t#t#t#t#t#t");
}

TEST_F(SafetensorsOfProgramsTest, ShapesAndViewsSurvive) {
  EXPECT_EQ(Eval(R"(
    (save-safetensors path (hash-map "a" (transpose (tensor '((1 2) (3 4))) 0 1) "none" (zeros '(0 3))
                                     "number" (tensor 7)))
    (define loaded (load-safetensors path))
    (write (to-nested-list (hash-map-ref loaded "a")))
    (write (shape (hash-map-ref loaded "none")))
    (write (shape (hash-map-ref loaded "number"))))"),
            "((1.0 3.0) (2.0 4.0))(0 3)()");
}

TEST_F(SafetensorsOfProgramsTest, AModelGetsItsStateBack) {
  EXPECT_EQ(Eval(R"(
    (define (make) (sequential (linear 3 4) (batch-norm 4)))
    (define a (make))
    (forward a (randn '(8 3)))
    (save-safetensors path a)
    (define b (load-safetensors path (make)))
    (write (equal? (map to-list (parameters a)) (map to-list (parameters b))))
    (write (equal? (map to-list (buffers a)) (map to-list (buffers b)))))"),
            "#t#t");
  EXPECT_EQ(Eval("(load-safetensors path (linear 3 4))"),
            "error: torch/load-safetensors: '" + path_ + "' has no tensor 'weight'");
}

TEST_F(SafetensorsOfProgramsTest, WrongCalls) {
  EXPECT_EQ(Eval("(save-safetensors path 7)"),
            "error: torch/save-safetensors: module or list of pairs (name . tensor) required");
  EXPECT_EQ(Eval("(save-safetensors path '((a . 7)))"),
            "error: torch/save-safetensors: pairs of a name and a tensor required");
  EXPECT_EQ(Eval("(save-safetensors path (list (cons 'a (tensor 1)) (cons \"a\" (tensor 2))))"),
            "error: torch/save-safetensors: two tensors are called 'a'");
  EXPECT_EQ(CountFiles(), 0);
}

// Written by Python's safetensors from the very tensors below (tools/parity/safetensors.py).
TEST_F(SafetensorsOfProgramsTest, PythonsFilesAreReadToTheBit) {
  std::filesystem::copy_file("tests/torch/state/python.safetensors", path_);
  EXPECT_EQ(Eval(R"(
    (define loaded (load-safetensors path))
    (define numbers (torch/tensor '(0 1 2.5 100 -0.3)))
    (define (same? name t) (tensor-equal? (hash-map-ref loaded name) t))
    (for-each
      (lambda (d) (write (same? (symbol->string d) (to-dtype numbers d))))
      '(float64 float32 float16 bfloat16 int64 int32 bool))
    (write (same? "matrix" (reshape (arange 0 6) '(2 3))))
    (write (shape (hash-map-ref loaded "empty")))
    (save-safetensors path loaded)
    (define again (load-safetensors path))
    (write (same? "float16" (hash-map-ref again "float16"))))"),
            "#t#t#t#t#t#t#t#t(0 4)#t");
}

}  // namespace
}  // namespace eta::parallel
