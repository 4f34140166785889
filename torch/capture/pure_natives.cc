#include "torch/capture/pure_natives.h"

#include <algorithm>

namespace eta::tensor {
namespace {

// Sorted.
constexpr std::string_view kPure[] = {
    // clang-format off
    "%ceiling", "%floor", "%list?", "%quotient", "%round", "%truncate", "%values", "*", "+", "-",
    "/", "<", "<=", "=", ">", ">=", "abs", "acos", "append", "asin", "assoc", "assq", "assv",
    "atan", "boolean=?", "boolean?", "car", "cdr", "char?", "cons", "cons*", "cos", "eq?",
    "equal?", "eqv?", "exact", "exact->inexact", "exact-integer?", "exact?", "exp", "finite?",
    "floor-quotient", "floor-remainder", "hash-map-ref", "hash-map-size", "hash-map?", "inexact",
    "inexact->exact", "inexact?", "infinite?", "integer?", "last-pair", "length", "list",
    "list-copy", "list-ref", "list-tail", "log", "make-list", "max", "member", "memq", "memv",
    "min", "modulo", "nan?", "negative?", "nn/bce-loss", "nn/bce-with-logits-loss", "nn/buffers",
    "nn/cosine-loss", "nn/cross-entropy-loss", "nn/forward", "nn/huber-loss", "nn/kl-loss",
    "nn/l1-loss", "nn/module?", "nn/mse-loss", "nn/nll-loss", "nn/parameters", "nn/smooth-l1-loss",
    "nn/training?", "nn/triplet-loss", "not", "null?", "number->string", "number?", "pair?",
    "positive?", "pow", "procedure?", "rational?", "real?", "remainder", "reverse", "sin", "sqrt",
    "string->symbol", "string-append", "string-length", "string=?", "string?", "symbol->string",
    "symbol=?", "symbol?", "tan", "torch/abs", "torch/acos", "torch/add", "torch/arange",
    "torch/argmax", "torch/argmin", "torch/argsort", "torch/asin", "torch/atan", "torch/atan2",
    "torch/attention", "torch/avg-pool2d", "torch/batch-norm", "torch/bernoulli", "torch/bmm",
    "torch/cat", "torch/ceil", "torch/chunk", "torch/clamp", "torch/clone", "torch/column-l2-norm",
    "torch/conv1d", "torch/conv2d", "torch/cos", "torch/cosh", "torch/count-nonzero",
    "torch/cross", "torch/cumprod", "torch/cumsum", "torch/detach", "torch/device", "torch/diag",
    "torch/digamma", "torch/div", "torch/dot", "torch/dtype", "torch/einsum", "torch/elu",
    "torch/embedding", "torch/eq", "torch/erf", "torch/erfc", "torch/erfinv", "torch/exp",
    "torch/expand", "torch/expm1", "torch/eye", "torch/flatten", "torch/flip", "torch/floor",
    "torch/fmod", "torch/from-list", "torch/full", "torch/full-like", "torch/gather", "torch/ge",
    "torch/gelu", "torch/group-norm", "torch/gru", "torch/gt", "torch/index-add",
    "torch/index-copy", "torch/index-select", "torch/interpolate", "torch/isfinite", "torch/isinf",
    "torch/isnan", "torch/kron", "torch/layer-norm", "torch/le", "torch/leaky-relu", "torch/lerp",
    "torch/lgamma", "torch/linear", "torch/linspace", "torch/log", "torch/log-sigmoid",
    "torch/log-softmax", "torch/log10", "torch/log1p", "torch/log2", "torch/logical-and",
    "torch/logical-not", "torch/logical-or", "torch/logical-xor", "torch/logsumexp", "torch/lstm",
    "torch/lt", "torch/masked-fill", "torch/matmul", "torch/max", "torch/max-pool2d",
    "torch/maximum", "torch/mean", "torch/median", "torch/min", "torch/minimum", "torch/mish",
    "torch/mul", "torch/nan-to-num", "torch/ne", "torch/neg", "torch/no-grad", "torch/norm",
    "torch/normal", "torch/numel", "torch/ones", "torch/ones-like", "torch/outer", "torch/pad",
    "torch/permute", "torch/pow", "torch/prod", "torch/rand", "torch/randint", "torch/randn",
    "torch/reciprocal", "torch/relu", "torch/remainder", "torch/repeat", "torch/requires-grad?",
    "torch/reshape", "torch/roll", "torch/round", "torch/rsqrt", "torch/scatter",
    "torch/scatter-add", "torch/select-scatter", "torch/shape", "torch/sigmoid", "torch/sign",
    "torch/silu", "torch/sin", "torch/sinh", "torch/slice", "torch/slice-scatter", "torch/softmax",
    "torch/softplus", "torch/sort", "torch/split", "torch/sqrt", "torch/square", "torch/squeeze",
    "torch/stack", "torch/std", "torch/sub", "torch/sum", "torch/take-rows", "torch/tan",
    "torch/tanh", "torch/tensor", "torch/tensor?", "torch/to-dtype", "torch/topk", "torch/trace",
    "torch/transpose", "torch/tril", "torch/triu", "torch/trunc", "torch/unbind",
    "torch/unsqueeze", "torch/var", "torch/where", "torch/zeros", "torch/zeros-like",
    "truncate-quotient", "truncate-remainder", "vector?", "zero?",
    // clang-format on
};
static_assert(std::ranges::is_sorted(kPure));

}  // namespace

bool IsPure(std::string_view native) { return std::ranges::binary_search(kPure, native); }

std::span<const std::string_view> PureNatives() { return kPure; }

}  // namespace eta::tensor
