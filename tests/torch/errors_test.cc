// What goes wrong in an operation is one catchable error that names the operation.
#include <gtest/gtest.h>

#include "tests/torch/script.h"

namespace eta::tensor {
namespace {

struct Case {
  const char* expression;
  const char* message;  // the whole of it
};

// Texts that are part of the language.
const Case kOwnErrors[] = {
    {"(torch/add (torch/ones '(2)) 1)", "torch/add: tensor arguments required"},
    {"(torch/matmul 1 (torch/ones '(2)))", "torch/matmul: tensor arguments required"},
    {"(nn/mse-loss (torch/ones '(2)) 1)", "nn/mse-loss: tensor arguments required"},
    {"(torch/exp 1)", "torch/exp: tensor required"},
    {"(torch/shape 'x)", "torch/shape: tensor required"},
    {"(torch/ones 3)", "torch/ones: invalid shape"},
    {"(torch/ones '())", "torch/ones: invalid shape"},
    {"(torch/zeros '(2.5))", "torch/zeros: invalid shape"},
    {"(torch/randn \"2\")", "torch/randn: invalid shape"},
    {"(torch/ones '(2) 'float12)",
     "torch/ones: dtype symbol required (float16 bfloat16 float32 float64 int32 int64 uint8 bool)"},
    {"(torch/manual-seed -1)", "torch/manual-seed: non-negative integer seed required"},
    {"(torch/manual-seed 2.5)", "torch/manual-seed: non-negative integer seed required"},
    {"(torch/arange 0 'x 1)", "torch/arange: numeric args required"},
    {"(torch/softmax (torch/ones '(2)) 0.5)", "torch/softmax: integer axis required"},
    {"(torch/column-l2-norm (torch/ones '(2 2)) 'x)",
     "torch/column-l2-norm: integer axis required"},
    {"(torch/cat (list (torch/ones '(2)) 1) 0)", "torch/cat: list of tensors required"},
    {"(torch/cat (torch/ones '(2)) 0)", "torch/cat: list of tensors required"},
    {"(torch/item (torch/ones '(2)))", "torch/item: scalar tensor required"},
    {"(torch/cholesky (torch/ones '(2)))",
     "torch/cholesky: expected a matrix or batch of matrices"},
    {"(torch/cholesky (torch/ones '(2 3)))", "torch/cholesky: covariance matrix must be square"},
    {"(nn/sequential (nn/relu-layer) 1)", "nn/sequential: nn-module arguments required"},
    {"(nn/forward (torch/ones '(1)) (nn/relu-layer))", "nn/forward: (module, tensor) required"},
    {"(nn/parameters 1)", "nn/parameters: nn-module required"},
    {"(optim/step! 1)", "optim/step!: optimizer required"},
    {"(torch/to-device (torch/ones '(1)) 'cuda)",
     "torch/to-device: device string required as second arg"},
    {"(torch/to-device (torch/ones '(1)) \"tpu\")",
     "torch/to-device: unknown device 'tpu' (known: cpu, cuda, cuda:N)"},
    {"(torch/to-device (torch/ones '(1)) \"cuda:x\")",
     "torch/to-device: unknown device 'cuda:x' (known: cpu, cuda, cuda:N)"},
    {"(torch/save (torch/ones '(1)) 'x)", "torch/save: path string required"},
    {"(torch/load 'x)", "torch/load: path string required"},
    {"(torch/tensor \"abc\")", "torch/tensor: a number or a list of numbers required"},
    {"(torch/tensor #t)", "torch/tensor: a number or a list of numbers required"},
    {"(torch/tensor '(1 x))", "torch/tensor: not a number at (1)"},
    {"(torch/tensor '((1 2) (3 #t)))", "torch/tensor: not a number at (1 1)"},
    {"(torch/tensor '((1 2) (3)))", "torch/tensor: ragged data at (1): 1 items instead of 2"},
    {"(torch/tensor '((1 2) 3))", "torch/tensor: ragged data at (1)"},
    {"(torch/tensor '(1 (2)))", "torch/tensor: ragged data at (1)"},
    {"(torch/tensor '(1 2 . 3))", "torch/tensor: improper list at ()"},
    {"(torch/tensor '(1 2.5) 'int64)", "torch/tensor: not an integer at (1)"},
    {"(let ((x (list 1 2))) (set-cdr! (cdr x) x) (torch/tensor x))",
     "torch/tensor: improper list at ()"},
    {"(let ((x (list 1 2))) (set-car! x x) (torch/tensor x))",
     "torch/tensor: lists nested too deeply"},
    {"(torch/tensor 1 #t 'float23)",
     "torch/tensor: dtype symbol required (float16 bfloat16 float32 float64 int32 int64 uint8 "
     "bool)"},
    {"(torch/default-dtype! 'int64)", "torch/default-dtype!: a floating dtype required"},
    {"(optim/sgd (nn/linear 1 1) -1)", "optim/sgd: invalid learning rate -1"},
    {"(optim/adam (nn/linear 1 1) (/ 1.0 0.0000000001 -1))",
     "optim/adam: invalid learning rate -1e+10"},
    {"(optim/sgd (nn/linear 1 1) 0.1 'momentum)", "optim/sgd: option 'momentum' has no value"},
    {"(optim/sgd (nn/linear 1 1) 0.1 'momentun 0.9)",
     "optim/sgd: unknown option 'momentun' (did you mean 'momentum'?)"},
    {"(optim/sgd (nn/linear 1 1) 0.1 'momentum 'x)",
     "optim/sgd: option 'momentum': number required"},
    {"(optim/sgd (nn/linear 1 1) 0.1 'momentum -1)",
     "optim/sgd: option 'momentum': finite number that is not negative required"},
    {"(optim/sgd (nn/linear 1 1) 0.1 'nesterov #t)",
     "optim/sgd: 'nesterov needs a positive 'momentum"},
    {"(optim/adam (nn/linear 1 1) 0.1 'beta1 1)",
     "optim/adam: option 'beta1': number from [0, 1) required"},
    {"(optim/adamw (nn/linear 1 1) 0.1 'epsilon 0)",
     "optim/adamw: option 'epsilon': positive number required"},
    {"(optim/rmsprop (nn/linear 1 1) 0.1 'clip-norm 0)",
     "optim/rmsprop: option 'clip-norm': positive number required"},
    {"(optim/adagrad (nn/linear 1 1) 0.1 'clip-norm 1 'clip-value 1)",
     "optim/adagrad: option 'clip-norm': not together with 'clip-value"},
    {"(optim/set-learning-rate! (optim/adam (nn/linear 1 1) 0.1) -1)",
     "optim/set-learning-rate!: invalid learning rate -1"},
    {"(nn/make-module '() 1)", "nn/make-module: forward: procedure required"},
    {"(nn/make-module '(1) list)", "nn/make-module: a part is a pair (name . part)"},
    {"(nn/make-module '((w . 1)) list)", "nn/make-module: w is neither a tensor nor a module"},
    {"(nn/make-module (list (cons 'w (torch/exp (torch/tensor 1 #t)))) list)",
     "nn/make-module: w is the result of a computation, detach it"},
    {"(let ((m (nn/relu-layer))) (nn/make-module (list (cons 'm m) (cons 'm m)) list))",
     "nn/make-module: two parts are called m"},
    {"(nn/forward (nn/make-module '() (lambda (x) 1)) (torch/ones '(1)))",
     "nn/forward: the procedure of a module must return a tensor"},
    {"(nn/forward (nn/sequential (nn/make-module '() car) (nn/relu-layer)) (torch/ones '(1)))",
     "car: not a pair"},
    {"(nn/load-parameters! (nn/linear 1 1) '())",
     "nn/load-parameters!: the module has 2 parameters, the list 0 tensors"},
    {"(nn/load-parameters! (nn/linear 2 1) (list (torch/ones '(1)) (torch/ones '(1))))",
     "nn/load-parameters!: parameter weight has shape [1, 2], the tensor [1]"},
    {"(nn/mse-loss (torch/ones '(1)) (torch/ones '(1)) 'reduction 'average)",
     "nn/mse-loss: option 'reduction': 'mean, 'sum or 'none required"},
    {"(nn/nll-loss (torch/ones '(1 2)) (torch/tensor '(0) 'int64) 'label-smoothing 0.1)",
     "nn/nll-loss: unknown option 'label-smoothing'"},
    {"(torch/conv2d (torch/ones '(1 1 2 2)) (torch/ones '(1 1 2 2)) 1)",
     "torch/conv2d: tensor or () required"},
    {"(torch/tensor 300 #f 'uint8)", "torch/tensor: 300 does not fit into uint8"},
    {"(torch/tensor '((1 2) (3 2147483648)) #f 'int32)",
     "torch/tensor: 2147483648 at (1 1) does not fit into int32"},
    {"(torch/arange 0 1 0.1 'int64)", "torch/arange: the step 0.1 is 0 as an integer"},
    {"(nn/bce-loss (torch/rand '(3)) (torch/ones '(2 3)))",
     "nn/bce-loss: the prediction has the size [3], the target [2, 3]"},
    {"(nn/bce-with-logits-loss (torch/rand '(3)) (torch/ones '(2 3)))",
     "nn/bce-with-logits-loss: the prediction has the size [3], the target [2, 3]"},
    {"(torch/save-safetensors \"unwritten\" (list (cons \"__metadata__\" (torch/ones '(1)))))",
     "torch/save-safetensors: no tensor can be called '__metadata__'"},
    {"(nn/dropout 1.5)", "nn/dropout: the probability must be between 0 and 1, got 1.5"},
    {"(torch/pow (torch/ones '(2)) 'x)", "torch/pow: tensor or number required"},
    {"(torch/eq 1 (torch/ones '(2)))", "torch/eq: tensor required"},
    {"(torch/clamp (torch/ones '(2)) \"x\")",
     "torch/clamp: a bound is a tensor, a number, or () for none"},
    {"(torch/flip (torch/ones '(2)) '(x))", "torch/flip: integer axis or list of axes required"},
    {"(let ((x (list 1 2))) (set-cdr! (cdr x) x) (torch/flip (torch/ones '(2)) x))",
     "torch/flip: integer axis or list of axes required"},
    {"(torch/take-rows (torch/ones '(2)) '(0.5))",
     "torch/take-rows: tensor or list of integers required"},
    {"(torch/gelu (torch/ones '(2)) 'erf)", "torch/gelu: the approximation is 'tanh or none"},
    {"(torch/interpolate (torch/ones '(1 1 4)) '(2) 'bilinear)",
     "torch/interpolate: no mode 'bilinear for a size of 1 integers"},
    {"(torch/pad (torch/ones '(2)) '(1 1) \"reflect\")", "torch/pad: the mode is a symbol"},
    {"(torch/grad-of (torch/ones '(1)) 1)", "torch/grad-of: tensor or list of tensors required"},
    {"(torch/grad-of (torch/ones '(1)) (torch/ones '(1)) 'create-grap #t)",
     "torch/grad-of: unknown option 'create-grap' (did you mean 'create-graph'?)"},
    {"(torch/einsum 'ij (list (torch/ones '(2))))", "torch/einsum: string required"},
    {"(nn/linear 0 1)", "nn/linear: sizes must be positive, got 0 and 1"},
};

TEST(ErrorsTest, OwnTextsAreExact) {
  Script script;
  for (const Case& c : kOwnErrors) {
    EXPECT_EQ(script.Eval(c.expression), "error: " + std::string(c.message)) << c.expression;
  }
}

// mvnormal's checks, in their order: each call is right up to the check that it is for.
TEST(ErrorsTest, MvnormalChecksInOrder) {
  const Case cases[] = {
      {"1 2", "tensor arguments required"},
      {"(torch/ones '(2)) (torch/ones '(2))", "expected a matrix or batch of matrices"},
      {"(torch/tensor 1) (torch/ones '(2 3))", "covariance matrix must be square"},
      {"(torch/tensor 1) (torch/ones '(2 2))", "mean must be a vector or batch of vectors"},
      {"(torch/ones '(3)) (torch/ones '(1 2 2))",
       "mean has 3 elements, the covariance matrix 2 rows"},
      {"(torch/ones '(2)) (torch/ones '(1 2 2))", "mean has rank 1, the covariance matrix rank 3"},
      {"(torch/ones '(3 2)) (torch/ones '(4 2 2))", "batch sizes differ: [3] and [4]"},
      {"(torch/ones '(2) 'float32) (torch/ones '(2 2))", "arguments have different dtypes"},
      {"(torch/ones '(2) 'int64) (torch/ones '(2 2) 'int64)", "floating dtype required"},
  };
  Script script;
  for (const Case& c : cases) {
    EXPECT_EQ(script.Eval("(torch/mvnormal " + std::string(c.expression) + ")"),
              "error: torch/mvnormal: " + std::string(c.message));
  }
}

// What libtorch itself refuses; the texts are its own.
const Case kLibtorchErrors[] = {
    {"(torch/add (torch/ones '(2)) (torch/ones '(3)))", "torch/add: "},
    {"(torch/sub (torch/ones '(2)) (torch/ones '(3)))", "torch/sub: "},
    {"(torch/mul (torch/ones '(2)) (torch/ones '(3)))", "torch/mul: "},
    {"(torch/div (torch/ones '(2)) (torch/ones '(3)))", "torch/div: "},
    {"(nn/mse-loss (torch/ones '(2)) (torch/ones '(3)))", "nn/mse-loss: "},
    {"(nn/l1-loss (torch/ones '(2)) (torch/ones '(3)))", "nn/l1-loss: "},
    {"(torch/matmul (torch/ones '(2 3)) (torch/ones '(2 3)))", "torch/matmul: "},
    {"(torch/dot (torch/ones '(2)) (torch/ones '(3)))", "torch/dot: "},
    {"(nn/forward (nn/linear 2 1) (torch/ones '(3)))", "nn/forward: "},
    {"(torch/reshape (torch/ones '(6)) '(4))", "torch/reshape: "},
    {"(torch/reshape (torch/ones '(6)) '(-1 -1))", "torch/reshape: "},
    {"(torch/ones '(-1))", "torch/ones: "},
    {"(torch/zeros '(2 -1))", "torch/zeros: "},
    {"(torch/randn '(-1))", "torch/randn: "},
    {"(torch/arange 0 1 0)", "torch/arange: "},
    {"(torch/arange 0 1 -1)", "torch/arange: "},
    {"(torch/linspace 0 1 -1)", "torch/linspace: "},
    {"(torch/cat '() 0)", "torch/cat: "},
    {"(torch/cat (list (torch/ones '(2 2)) (torch/ones '(3 3))) 0)", "torch/cat: "},
    {"(torch/cat (list (torch/ones '(2))) 4)", "torch/cat: "},
    {"(torch/softmax (torch/ones '(2)) 1)", "torch/softmax: "},
    {"(torch/transpose (torch/ones '(2)) 0 1)", "torch/transpose: "},
    {"(torch/unsqueeze (torch/ones '(2)) 3)", "torch/unsqueeze: "},
    {"(torch/squeeze (torch/ones '(2)) 3)", "torch/squeeze: "},
    {"(torch/max (torch/from-list '()))", "torch/max: "},
    {"(torch/min (torch/from-list '()))", "torch/min: "},
    {"(torch/argmax (torch/from-list '()))", "torch/argmax: "},
    {"(torch/argmin (torch/from-list '()))", "torch/argmin: "},
    {"(torch/requires-grad! (torch/ones '(2) 'int64) #t)", "torch/requires-grad!: "},
    {"(torch/tensor '(1 2) #t 'int64)", "torch/tensor: "},
    {"(torch/backward (torch/exp (torch/tensor '(1 2) #t)))", "torch/backward: "},
    {"(torch/backward (torch/tensor 1))", "torch/backward: "},
    {"(let ((y (torch/exp (torch/tensor 1 #t)))) (torch/backward y) (torch/backward y))",
     "torch/backward: "},
    {"(torch/grad-of (torch/exp (torch/tensor '(1 2) #t)) (torch/tensor 1 #t))", "torch/grad-of: "},
    {"(torch/tref (torch/ones '(2)) 2)", "torch/tref: "},
    {"(torch/tref (torch/ones '(2)) 0 0)", "torch/tref: "},
    {"(torch/index-select (torch/ones '(2)) 0 '(5))", "torch/index-select: "},
    {"(torch/gather (torch/ones '(2)) 0 (torch/ones '(2)))", "torch/gather: "},
    {"(torch/stack '() 0)", "torch/stack: "},
    {"(torch/topk (torch/ones '(2)) 3)", "torch/topk: "},
    {"(torch/inverse (torch/zeros '(2 2)))", "torch/inverse: "},
    {"(torch/one-hot (torch/tensor '(3) 'int64) 2)", "torch/one-hot: "},
    {"(torch/multinomial (torch/tensor '(-1 2)) 1)", "torch/multinomial: "},
    {"(torch/randint 5 4 '(2))", "torch/randint: "},
    {"(nn/linear -1 1)", "nn/linear: "},
    {"(nn/cross-entropy-loss (torch/ones '(2 3)) (torch/tensor '(0 1)))",
     "nn/cross-entropy-loss: "},
    {"(nn/cross-entropy-loss (torch/ones '(2 3)) (torch/tensor '(0 7) 'int64))",
     "nn/cross-entropy-loss: "},
    {"(torch/cholesky (torch/tensor '((1 2) (2 1))))", "torch/cholesky: "},
    {"(torch/mvnormal (torch/zeros '(2)) (torch/tensor '((1 2) (2 1))))", "torch/mvnormal: "},
    {"(torch/matrix-exp (torch/ones '(2 3)))", "torch/matrix-exp: "},
    {"(torch/load \"/no/such/file\")", "torch/load: cannot read '/no/such/file': "},
    {"(torch/save (torch/ones '(2)) \"/no/such/file\")",
     "torch/save: cannot write '/no/such/file': "},
};

TEST(ErrorsTest, LibtorchsFailuresAreTypeErrorsOfOneLine) {
  Script script;
  for (const Case& c : kLibtorchErrors) {
    const std::string text = script.Eval(c.expression);
    EXPECT_EQ(text.find("error: " + std::string(c.message)), 0u) << c.expression << ": " << text;
    EXPECT_GT(text.size(), ("error: " + std::string(c.message)).size()) << c.expression;
    EXPECT_EQ(text.find('\n'), std::string::npos) << text;
    EXPECT_EQ(text.find("Exception raised"), std::string::npos) << text;
  }
}

TEST(ErrorsTest, TheyCanBeCaught) {
  Script script;
  EXPECT_EQ(script.Eval("(car (catch 'runtime.type-error (torch/ones '(-1))))"), "runtime-error");
}

TEST(ErrorsTest, WrongArgumentCountsAreInvalidArity) {
  Script script;
  for (const char* expression :
       {"(torch/add (torch/ones '(1)))", "(torch/exp)", "(optim/adam (nn/linear 1 1))",
        "(torch/transpose (torch/ones '(1)) 0)", "(torch/ones '(1) 'int64 'int64)"}) {
    EXPECT_EQ(script.Eval(expression).find("error: runtime.invalid-arity: "), 0u) << expression;
  }
}

}  // namespace
}  // namespace eta::tensor
