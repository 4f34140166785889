// Random training programs give the same bits whether steps are captured or not; so do programs
// that it would be wrong to capture.
#include <gtest/gtest.h>

#include <random>

#include "tests/parallel/training/replicas.h"

namespace eta::parallel {
namespace {

using Texts = std::vector<std::string>;

// What a program is made of, drawn by a seed.
class Draw {
 public:
  explicit Draw(unsigned seed) : random_(seed) {}
  int Below(int n) { return static_cast<int>(random_() % static_cast<unsigned>(n)); }
  std::string Number(int low, int high) { return std::to_string(low + Below(high - low + 1)); }
  const std::string& OneOf(const Texts& texts) {
    return texts[static_cast<size_t>(Below(static_cast<int>(texts.size())))];
  }

 private:
  std::mt19937 random_;
};

struct Parts {
  std::string layers, input;
  int features;
};

// The first layers, and what they take.
Parts DrawFront(Draw& draw) {
  switch (draw.Below(4)) {
    case 0:
      return {"(conv2d 1 3 3 'padding " + draw.Number(0, 1) + ") " +
                  draw.OneOf({"", "(batch-norm 3) ", "(group-norm 3 3) "}) + "(relu-layer) (" +
                  draw.OneOf({"max", "avg"}) +
                  "-pool2d 2) (flatten-layer) (linear "
                  "(if pads 48 27) 7)",
              "(randn (list rows 1 8 8))", 7};
    case 1:
      return {"(" + draw.OneOf({"lstm", "gru"}) + " 3 4 'layers " + draw.Number(1, 2) +
                  ") (flatten-layer)",
              "(randn (list rows 5 3))", 20};
    default:
      return {"", "(randn (list rows 6))", 6};
  }
}

std::string DrawLayers(Draw& draw, int* features) {
  std::string layers;
  for (int count = draw.Below(6); count > 0; --count) {
    const std::string in = std::to_string(*features);
    switch (draw.Below(5)) {
      case 0:
        layers += "(linear " + in + " ";
        *features = 3 + draw.Below(12);
        layers += std::to_string(*features) + ") ";
        break;
      case 1:
        layers += draw.OneOf({"(relu-layer) ", "(sigmoid-layer) ", "(tanh-layer) ", "(gelu-layer) ",
                              "(softmax-layer) "});
        break;
      case 2:
        layers += draw.OneOf({"(dropout 0.3) ", "(dropout 0.5) ", "(dropout 1) "});
        break;
      case 3:
        layers += "(layer-norm '(" + in + ")) ";
        break;
      default:
        layers += "(residual (linear " + in + " " + in + ") (relu-layer)) ";
    }
  }
  return layers;
}

struct Goal {
  std::string loss, target;
};

Goal DrawGoal(Draw& draw) {
  const std::string classes =
      "(from-list (map (lambda (k) (modulo (* (+ k i) 7) 4)) (range 0 rows)) 'int64)";
  switch (draw.Below(4)) {
    case 0:
      return {"cross-entropy-loss", classes};
    case 1:
      return {"bce-with-logits-loss", "(sigmoid (randn (list rows 4)))"};
    case 2:
      return {"cross-entropy-loss", "(softmax (randn (list rows 4)) 1)"};
    default:
      return {draw.OneOf({"mse-loss", "l1-loss", "smooth-l1-loss", "huber-loss"}),
              "(randn (list rows 4))"};
  }
}

std::string DrawEvent(Draw& draw) {
  const Texts events = {
      "(requires-grad! (car (parameters model)) #f)",
      "(requires-grad! (car (parameters model)) #t)",
      "(eval! model)",
      "(train! model)",
      "(set-learning-rate! optimizer 0.02)",
      "(manual-seed 8)",
      "(load-parameters! model (map (lambda (p) (t* p (tensor 0.5))) (parameters model)))",
      "(no-grad (lambda () (forward model "
      "(one-input))))",
      "(no-sync (lambda () (one-step)))",
      "(set! optimizer (adam model 0.01))",
  };
  return "(when (= i " + draw.Number(2, 11) + ") " + draw.OneOf(events) + ")\n";
}

std::string DrawProgram(unsigned seed) {
  Draw draw(seed);
  Parts front = DrawFront(draw);
  const bool pads = front.layers.find("'padding 1") != std::string::npos;
  const std::string layers = front.layers + " " + DrawLayers(draw, &front.features);
  const Goal goal = DrawGoal(draw);
  const std::string optimizer =
      draw.OneOf({"(sgd model 0.05)", "(sgd model 0.05 'momentum 0.9)", "(adam model 0.01)",
                  "(adamw model 0.01)", "(rmsprop model 0.01)", "(adagrad model 0.01)",
                  "(sgd model 0.05 'clip-norm 0.3)", "(sgd model 0.05 'accumulate 2)",
                  "(sgd model 0.05 'average 0.9)", "(sgd model 0.05 'loss-scale 4)"});
  const std::string rows = draw.OneOf({"8", "5", "(if (= (modulo i 3) 2) 3 8)", "(+ 2 rank)"});
  std::string events;
  for (int count = draw.Below(4); count > 0; --count) events += DrawEvent(draw);
  return "(import std.torch std.tensor std.optim std.nn std.collections (only std.parallel no-sync "
         "world-size))"
         "(manual-seed 5) (define pads " +
         std::string(pads ? "#t" : "#f") + ") (define model (sequential " + layers + " (linear " +
         std::to_string(front.features) + " 4)))\n(define optimizer " + optimizer +
         ")\n(define i 0)\n(define (rows-now) " + rows +
         ")\n(define (one-input) (let ((rows (rows-now))) " + front.input +
         "))\n(define (one-step) (let ((rows (rows-now))) (train-step! model optimizer " +
         goal.loss + " " + front.input + " " + goal.target + ")))\n(let loop () (when (< i 12)\n" +
         events +
         "(display (one-step)) (display \" \") (set! i (+ i 1)) (loop)))\n"
         "(for-each (lambda (p) (display (to-list p)) (display (to-list (grad p))))"
         " (filter requires-grad? (parameters model)))\n"
         "(for-each (lambda (b) (when (= (world-size) 1) (display (to-list b)))) (buffers model))";
}

constexpr const char* kCountReplayed =
    "(newline) (display (apply + (map (lambda (line) (list-ref line 4))"
    " (capture-status optimizer))))";

TEST(CapturedProgramsTest, RandomProgramsGiveTheSameBits) {
  int replayed = 0;
  for (unsigned seed = 0; seed < 300; ++seed) {
    const std::string program = DrawProgram(seed);
    SCOPED_TRACE(program);
    const int ranks = seed % 5 == 4 ? 2 : 1;
    ReplicaOptions options{.shards = seed % 10 == 3 ? 8 : 0};
    const std::string captured = OutputOf(ranks, program + kCountReplayed, options);
    const size_t line = captured.rfind('\n');
    ASSERT_NE(line, std::string::npos);
    options.capture = false;
    ASSERT_EQ(OutputOf(ranks, program, options), captured.substr(0, line));
    replayed += std::stoi(captured.substr(line + 1)) > 0;
    if (testing::Test::HasFailure()) return;
  }
  EXPECT_GT(replayed, 200);
}

// Parts of a program that must not be taken for the same each time.
constexpr const char* kNotToBeCaptured[] = {
    // Modules that read values, count, change with a variable, or draw by themselves.
    "(define model (sequential (linear 6 4) (make-module '()"
    " (lambda (x) (if (> (item (tsum x)) 0) x (t* x (tensor 2)))))))",
    "(define model (sequential (linear 6 4) (make-module '()"
    " (lambda (x) (set! count (+ count 1)) (t* x (tensor count))))))",
    "(define model (sequential (linear 6 4) (make-module '() (lambda (x) (t* x (tensor i))))))",
    "(define model (sequential (linear 6 4) (make-module '()"
    " (lambda (x) (t* x (rand '(4)))))))",
    "(define model (sequential (linear 6 4) (residual (make-module '() (lambda (x) (t* x (tensor "
    "i)))))))",
    // Losses of the same kinds.
    "(define loss (lambda (p t) (t* (mse-loss p t) (tensor i))))",
    "(define loss (lambda (p t) (if (= (modulo i 3) 0) (mse-loss p t) (l1-loss p t))))",
    "(define loss (lambda (p t) (if (> (item (mean p)) 0) (mse-loss p t) (l1-loss p t))))",
    // What is exchanged between steps.
    "(define (change) (set! loss (if (= (modulo i 2) 0) mse-loss l1-loss)))",
    "(define (change) (when (= i 6) (set! model (sequential (linear 6 4)))"
    " (set! optimizer (sgd model 0.1))))",
    "(define (change) (when (= i 6) (set! optimizer (adam model 0.1))))",
    "(define (change) (when (= i 6) (set! model (sequential model (sigmoid-layer)))))",
    "(define (change) (for-each (lambda (p) (requires-grad! p (= (modulo i 2) 0)))"
    " (parameters model)))",
    "(define (change) (requires-grad! (list-ref (parameters model) (modulo i 2)) (< i 7)))",
    "(define (change) (set! input (lambda () (requires-grad! (randn '(5 6)) #t))))",
    "(define (change) (set! input (lambda () (randn (list (+ 5 (modulo i 2)) 6)))))",
    "(define (change) (set! input (lambda () (transpose (randn '(6 5)) 0 1))))",
    "(define (change) (set! input (lambda () (to-dtype (randn '(5 6)) 'float64))))",
    // Gradients that the program keeps, adds to, or shares.
    "(define (change) (set! kept (cons (grad (car (parameters model))) kept)))",
    "(define (change) (backward (mse-loss (forward model (ones '(5 6))) (ones '(5 4)))))",
    "(define (change) (optim-zero-grad! optimizer))",
    "(define (change) (step! optimizer))",
    "(define other (adam (sequential (linear 6 4)) 0.1)) (define (change)"
    " (set! optimizer (if (= (modulo i 2) 0) (sgd model 0.1) optimizer)))",
    // The parameters themselves as a batch.
    "(define (change) (set! input (lambda () (detach (cat (list (car (parameters model))"
    " (ones '(1 6))) 0)))))",
    "(define (change) (set! input (lambda () (slice (detach (car (parameters model))) 0 0 4))))",
    "(define (change) (set! input (lambda () (detach (grad-or-ones)))))",
    "(define (change) (when (= i 9) (set! input (lambda () (detach (grad-or-ones))))))",
    "(define (change) (set! input (lambda () (if (= i 9)"
    " (slice (detach (cat (list (car (parameters model))) 0)) 0 0 4) (randn '(4 6))))))",
    "(define (change) (set! input (lambda () (if (> i 9)"
    " (detach (car (parameters model))) (randn '(4 6))))))",
    // Procedures that look at numbers of tensors.
    "(define loss (lambda (p t) (t* (mse-loss p t) (tensor (item (tmax p))))))",
    "(define loss (lambda (p t) (mse-loss p (from-list (to-list p)))))",
    "(define loss (lambda (p t) (if (tensor-equal? p t) (l1-loss p t) (mse-loss p t))))",
    "(define loss (lambda (p t) (set! kept (cons (detach p) kept)) (mse-loss p t)))",
    "(define loss (lambda (p t) (display (item (mean p))) (mse-loss p t)))",
    "(define model (sequential (linear 6 4) (make-module '() (lambda (x)"
    " (display (shape x)) x))))",
    // That read what changes: variables, captured ones, elements, lists, atoms, records, maps.
    "(define loss (let ((n 0)) (lambda (p t) (set! n (+ n 1)) (t* (mse-loss p t) (tensor n)))))",
    "(define n 1) (define (half) (/ n 2)) (define loss (lambda (p t)"
    " (t* (mse-loss p t) (tensor (half))))) (define (change) (when (= i 7) (set! n 5)))",
    "(define (scale x) x) (define loss (lambda (p t) (scale (mse-loss p t))))"
    "(define (change) (when (= i 7) (set! scale (lambda (x) (t* x (tensor 3))))))",
    "(define (make-loss n) (lambda (p t) (t* (mse-loss p t) (tensor n))))"
    "(define (change) (set! loss (make-loss (quotient-of i 5))))",
    "(define (change) (set! loss (if (= (modulo i 4) 3) (lambda (p t) (l1-loss p t))"
    " (lambda (p t) (mse-loss p t)))))",
    "(define v (vector 1 2)) (define loss (lambda (p t) (t* (mse-loss p t)"
    " (tensor (vector-ref v 1))))) (define (change) (when (= i 7) (vector-set! v 1 4)))",
    "(define l (list 1 2)) (define loss (lambda (p t) (t* (mse-loss p t) (tensor (cadr l)))))"
    "(define (change) (when (= i 7) (set-car! (cdr l) 4)))",
    "(define l (list 5 4)) (define loss (lambda (p t) (mse-loss (reshape p l) (reshape t l))))"
    "(define (change) (when (= i 7) (list-set! l 0 4) (list-set! l 1 5)))",
    "(define a (atom:new 1)) (define loss (lambda (p t) (t* (mse-loss p t)"
    " (tensor (atom:deref a))))) (define (change) (atom:reset! a i))",
    "(define-record-type box (make-box n) box? (n box-n set-box-n!)) (define b (make-box 2))"
    "(define loss (lambda (p t) (t* (mse-loss p t) (tensor (box-n b)))))"
    "(define (change) (when (= i 7) (set-box-n! b 4)))",
    "(define m (hash-map 'n 1)) (define loss (lambda (p t) (t* (mse-loss p t)"
    " (tensor (hash-map-ref m 'n 0))))) (define (change) (when (= i 7)"
    " (set! m (hash-map-assoc m 'n 3))))",
    "(define loss (lambda (p t) (t* (mse-loss p t) (tensor (catch 'k (raise 'k i))))))",
    "(define loss (lambda (p t) (call/cc (lambda (k) (if (> i 6) (k (l1-loss p t)))"
    " (mse-loss p t)))))",
    // That compare or look up what has parts that change.
    "(define v (vector 1)) (define a (list v)) (define b (list (vector 1)))"
    "(define loss (lambda (p t) (if (equal? a b) (mse-loss p t) (l1-loss p t))))"
    "(define (change) (when (= i 7) (vector-set! v 0 2)))",
    "(define a (bytevector 1)) (define b (bytevector 1))"
    "(define loss (lambda (p t) (if (equal? a b) (mse-loss p t) (l1-loss p t))))"
    "(define (change) (when (= i 7) (bytevector-u8-set! b 0 2)))",
    "(define l (list 1)) (define a (hash-map 'k l)) (define b (hash-map 'k (list 1)))"
    "(define loss (lambda (p t) (if (equal? a b) (mse-loss p t) (l1-loss p t))))"
    "(define (change) (when (= i 7) (set-car! l 2)))",
    "(define v (vector 1)) (define a (list v)) (define m (hash-map (list (vector 1)) 3))"
    "(define loss (lambda (p t) (t* (mse-loss p t) (tensor (hash-map-ref m a 1)))))"
    "(define (change) (when (= i 7) (vector-set! v 0 2)))",
    // Gradients that libtorch computes otherwise if there are zeros.
    "(define (loss p t) (mean (prod (t* p (to-dtype (t> p (tensor -1.2)) 'float64)) 1)))",
    "(define (loss p t) (mean (cumprod (t* p (to-dtype (t> p (tensor -1.2)) 'float64)) 1)))",
    // Operations whose results nobody uses, but whose errors are the step's.
    "(define (look x) (take-rows x0 (to-dtype (reshape x '(30)) 'int64)) x)"
    "(define model (sequential (make-module '() look) (linear 6 4)))"
    "(define (input) (t* (ones '(5 6)) (tensor (if (= i 9) 50 1))))",
    "(define (look x) (bce-loss x (ones '(5 6))) x)"
    "(define model (sequential (make-module '() look) (linear 6 4)))"
    "(define (input) (t* (ones '(5 6)) (tensor (if (= i 9) 3.0 0.5))))",
    // A buffer that tracks gradients all at once.
    "(define w (ones '(6))) (define model (sequential (make-module (list (cons 'w w))"
    " (lambda (x) (t* x w))) (linear 6 4)))"
    "(define (change) (when (= i 9) (requires-grad! w #t))"
    " (when (= i 12) (display (null? (grad w)))))",
    // Running statistics that are no buffers of the model.
    "(define m (zeros '(4))) (define v (ones '(4))) (define (loss p t)"
    " (let ((y (t- p m))) (t+ (mse-loss y t) (t* (mean (torch/batch-norm p '() '() m v #t 0.1"
    " 1e-5)) (tensor 0)))))",
    "(define m (zeros '(4))) (define v (ones '(4))) (define model (sequential (linear 6 4)"
    " (make-module '() (lambda (x) (torch/batch-norm x '() '() m v #t 0.1 1e-5)))))"
    "(define (change) (when (= i 10) (display (to-list m))))",
    // A step that is recorded while others are taken, of more kinds than are remembered.
    "(define (others k) (when (< k 16) (train-step! model optimizer mse-loss"
    " (randn (list (+ k 10) 6)) (randn (list (+ k 10) 4))) (others (+ k 1))))"
    "(define (loss p t) (when (= i 1) (others 0)) (mse-loss p t))",
    // Tensors that are not the model's, and change, or are trained, or are the batch.
    "(define w (ones '(4))) (define loss (lambda (p t) (mse-loss (t* p w) t)))"
    "(define (change) (when (= i 7) (set! w (tensor '(1 2 3 4)))))",
    "(define w (requires-grad! (ones '(4)) #t)) (define loss (lambda (p t)"
    " (mse-loss (t* p w) t))) (define (change) (when (= i 10) (display (to-list (grad w)))))",
    "(define teacher (linear 6 4)) (define tutor (sgd teacher 0.1)) (define loss (lambda (p t)"
    " (mse-loss p (detach (forward teacher x0))))) (define (change)"
    " (train-step! teacher tutor mse-loss x0 (ones '(5 4))))",
    "(define other (linear 6 4)) (for-each (lambda (p) (requires-grad! p #f)) (parameters other))"
    "(define loss (lambda (p t) (mse-loss p (t* t (tsum (car (parameters other)))))))"
    "(define (change) (load-parameters! other (map (lambda (p) (t* p (tensor 2)))"
    " (parameters other))))",
    "(define w (ones '(4))) (define held (make-module (list (cons 'w w)) (lambda (x) x)))"
    "(define loss (lambda (p t) (mse-loss (t* p w) t))) (define (change)"
    " (for-each (lambda (b) (requires-grad! b (= i 8))) (buffers held)))",
    "(define loss (lambda (p t) (t+ (mse-loss p t) (mean x0)))) (define (input)"
    " (if (< i 5) x0 (randn '(5 6))))",
    "(define loss (lambda (p t) (mse-loss (matmul x0 (ones '(6 4))) p))) (define (input)"
    " (if (< i 5) x0 (t* x0 (tensor i))))",
    "(define loss (lambda (p t) (let ((g (grad (car (parameters model)))))"
    " (if (null? g) (mse-loss p t) (t+ (mse-loss p t) (tsum g))))))",
    // Modes and other things that procedures change.
    "(define inner (dropout 0.5)) (define model (sequential (linear 6 4) inner))"
    "(define loss (lambda (p t) (if (training? inner) (mse-loss p t) (l1-loss p t))))"
    "(define (change) (if (= (modulo i 3) 0) (eval! inner) (train! inner)))",
    "(define model (sequential (linear 6 4) (dropout 0.5))) (define loss (lambda (p t)"
    " (if (> i 5) (eval! model)) (mse-loss p t)))",
    "(define loss (lambda (p t) (manual-seed 3) (mse-loss p (torch/randn '(5 4)))))",
    "(define loss (lambda (p t) (requires-grad! (car (parameters model)) (< i 8))"
    " (mse-loss p t)))",
    "(define loss (lambda (p t) (if (= i 6) (car '()) (mse-loss p t))))",
    "(define loss (lambda (p t) (if (= i 6) (ones '(2)) (mse-loss p t))))",
    "(define (change) (set! loss (if (< i 6) (lambda (p t) (mse-loss p t)) 7)))",
    "(define loss (lambda (p t) (let ((other (linear 4 4))) (mse-loss (forward other p) t))))",
};
static_assert(std::size(kNotToBeCaptured) >= 50);

std::string ProgramAround(const std::string& part) {
  return R"((import std.torch std.tensor std.optim std.nn (only std.atom atom:new atom:deref atom:reset!))
    (manual-seed 5)
    (define x0 (randn '(5 6)))
    (define (quotient-of a b) (/ (- a (modulo a b)) b))
    (define i 0) (define count 0) (define kept '())
    (define loss mse-loss)
    (define model (sequential (linear 6 4)))
    (define (change) '())
    (define (input) (randn '(5 6)))
    (define (grad-or-ones)
      (let ((g (grad (car (parameters model))))) (if (null? g) (ones '(4 6)) g)))
    )" + part +
         R"(
    (define optimizer (sgd model 0.05 'momentum 0.9))
    (let loop ()
      (when (< i 14)
        (change)
        (let ((x (input)))
          (let ((loss (catch 'runtime.error
                  (train-step! model optimizer loss x (ones (list (car (shape x)) 4))))))
            (display (if (pair? loss) (list-ref loss 2) loss))))  ; an error's message
        (display " ")
        (set! i (+ i 1))
        (loop)))
    (for-each (lambda (p) (display (to-list p))) (parameters model))
    (for-each (lambda (g) (when (not (null? g)) (display (to-list g)))) kept))";
}

TEST(CapturedProgramsTest, WhatIsNotTheSameEachTimeIsRight) {
  for (const char* part : kNotToBeCaptured) {
    SCOPED_TRACE(part);
    const std::string program = ProgramAround(part);
    EXPECT_EQ(OutputOf(1, program, {.capture = false}), OutputOf(1, program));
  }
}

}  // namespace
}  // namespace eta::parallel
