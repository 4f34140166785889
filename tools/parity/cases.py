"""The cases of the parity table: one operation, its inputs, the same expression in Eta and in Python."""

# (operation, inputs, Eta, Python). Inputs are "name shape [low high]", separated by "; ", numbers from [-1, 1) if nothing else
# is said; "int" before the bounds makes integers. Rows with a fifth entry have wider bounds in float32, and why.
OPERATIONS = []


def case(operation, inputs, eta, python, reason=None):
    OPERATIONS.append((operation, inputs, eta, python, reason))


def unary(name, python, bounds="", eta=None):
    case("torch/" + name, "a 2,3 " + bounds, eta or f"(torch/{name} a)", python)


# --- Element by element ---------------------------------------------------------------------------

for name, python in [("add", "a + b"), ("sub", "a - b"), ("mul", "a * b"), ("div", "a / b")]:
    case("torch/" + name, "a 2,3; b 3 0.5 2", f"(torch/{name} a b)", python)
for name in ["neg", "abs", "exp", "relu", "sigmoid", "tanh", "square", "sign", "floor", "ceil", "round", "trunc", "expm1", "sin",
             "cos", "tan", "atan", "sinh", "cosh", "erf", "erfc"]:
    unary(name, f"torch.{name}(a)")
for name in ["log", "sqrt", "rsqrt", "reciprocal", "log2", "log10", "lgamma", "digamma"]:
    unary(name, f"torch.{name}(a)", "0.5 3")
for name in ["log1p", "asin", "acos", "erfinv"]:
    unary(name, f"torch.{name}(a)", "-0.9 0.9")
for name in ["gelu", "silu", "mish", "softplus", "elu", "leaky_relu", "logsigmoid"]:
    unary({"logsigmoid": "log-sigmoid"}.get(name, name.replace("_", "-")), f"F.{name}(a)", "-3 3")
case("torch/gelu", "a 2,3 -3 3", "(torch/gelu a 'tanh)", "F.gelu(a, approximate='tanh')")
case("torch/elu", "a 2,3 -3 3", "(torch/elu a 0.5)", "F.elu(a, 0.5)")
case("torch/leaky-relu", "a 2,3 -3 3", "(torch/leaky-relu a 0.2)", "F.leaky_relu(a, 0.2)")
case("torch/softmax", "a 2,3", "(torch/softmax a 1)", "torch.softmax(a, 1)")
case("torch/log-softmax", "a 2,3", "(torch/log-softmax a 0)", "torch.log_softmax(a, 0)")
case("torch/pow", "a 2,3 0.5 2; b 3", "(torch/pow a b)", "torch.pow(a, b)")
case("torch/pow", "a 2,3", "(torch/pow a 3)", "torch.pow(a, 3)")
case("torch/pow", "a 2,3", "(torch/pow 2 a)", "torch.pow(2, a)")
case("torch/maximum", "a 2,3; b 3", "(torch/maximum a b)", "torch.maximum(a, b)")
case("torch/minimum", "a 2,3; b 3", "(torch/minimum a b)", "torch.minimum(a, b)")
case("torch/remainder", "a 2,3 -5 5; b 3 1 2", "(torch/remainder a b)", "torch.remainder(a, b)")
case("torch/fmod", "a 2,3 -5 5; b 3 1 2", "(torch/fmod a b)", "torch.fmod(a, b)")
case("torch/atan2", "a 2,3; b 3", "(torch/atan2 a b)", "torch.atan2(a, b)")
case("torch/lerp", "a 2,3; b 2,3; w 3", "(torch/lerp a b w)", "torch.lerp(a, b, w)")
case("torch/lerp", "a 2,3; b 2,3", "(torch/lerp a b 0.25)", "torch.lerp(a, b, 0.25)")
case("torch/clamp", "a 2,3", "(torch/clamp a -0.5 0.5)", "torch.clamp(a, -0.5, 0.5)")
case("torch/clamp", "a 2,3; b 3", "(torch/clamp a b)", "torch.clamp(a, min=b)")
case("torch/clamp", "a 2,3", "(torch/clamp a '() 0.25)", "torch.clamp(a, max=0.25)")
case("torch/nan-to-num", "a 2,3", "(torch/nan-to-num (torch/log a) 7)", "torch.nan_to_num(torch.log(a), 7)")

# --- Comparisons and choices ----------------------------------------------------------------------

for name in ["eq", "ne", "lt", "le", "gt", "ge"]:
    case("torch/" + name, "a 3,4 int 0 3; b 4 int 0 3", f"(torch/{name} a b)", f"torch.{name}(a, b)")
    case("torch/" + name, "a 3,4 int 0 3", f"(torch/{name} a 1)", f"torch.{name}(a, 1)")
for name in ["and", "or", "xor"]:
    case("torch/logical-" + name, "a 3,4 int 0 2; b 4 int 0 2", f"(torch/logical-{name} a b)", f"torch.logical_{name}(a, b)")
case("torch/logical-not", "a 3,4 int 0 2", "(torch/logical-not a)", "torch.logical_not(a)")
for name in ["isnan", "isinf", "isfinite"]:
    case("torch/" + name, "a 2,3", f"(torch/{name} (torch/log (torch/relu (torch/sub a a))))",
         f"torch.{name}(torch.log(torch.relu(a - a)))")
for name in ["any", "all"]:
    case("torch/" + name, "a 3,4 int 0 2", f"(torch/{name} a)", f"torch.{name}(a)")
    case("torch/" + name, "a 3,4 int 0 2", f"(torch/{name} a 0)", f"torch.{name}(a, 0)")
case("torch/where", "a 2,3; b 3", "(torch/where (torch/gt a 0) a b)", "torch.where(a > 0, a, b)")
case("torch/where", "a 2,3", "(torch/where (torch/gt a 0) a 0)", "torch.where(a > 0, a, 0.)")

# --- Parts ----------------------------------------------------------------------------------------

case("torch/tref", "a 2,3,2", "(torch/tref a 1 -1)", "a[1, -1]")
case("torch/slice", "a 3,5", "(torch/slice a 1 1 4 2)", "a[:, 1:4:2]")
case("torch/slice", "a 3,5", "(torch/slice a 1 -2 5)", "a[:, -2:5]")
case("torch/index-select", "a 3,4; i 5 int 0 4", "(torch/index-select a 1 i)", "torch.index_select(a, 1, i)")
case("torch/index-select", "a 3,4", "(torch/index-select a 0 '(2 0 2))", "a[[2, 0, 2]]")
case("torch/take-rows", "a 3,2; i 4 int 0 3", "(torch/take-rows a i)", "a[i]")
case("torch/gather", "a 3,4; i 3,2 int 0 4", "(torch/gather a 1 i)", "torch.gather(a, 1, i)")
case("torch/masked-select", "a 3,4", "(torch/masked-select a (torch/gt a 0.1))", "torch.masked_select(a, a > 0.1)")
case("torch/nonzero", "a 3,4 int 0 2", "(torch/nonzero a)", "torch.nonzero(a)")
case("torch/masked-fill", "a 3,4", "(torch/masked-fill a (torch/gt a 0.1) 2)", "a.masked_fill(a > 0.1, 2)")
case("torch/index-add", "a 3,4; s 2,4", "(torch/index-add a 0 '(2 0) s)", "a.index_add(0, torch.tensor([2, 0]), s)")
case("torch/index-copy", "a 3,4; s 2,4", "(torch/index-copy a 0 '(2 0) s)", "a.index_copy(0, torch.tensor([2, 0]), s)")
case("torch/scatter", "a 3,4; s 1,4; i 1,4 int 0 3", "(torch/scatter a 0 i s)", "a.scatter(0, i, s)")
case("torch/scatter-add", "a 3,4; s 2,4; i 2,4 int 0 3", "(torch/scatter-add a 0 i s)", "a.scatter_add(0, i, s)")
case("torch/select-scatter", "a 3,4; s 3", "(torch/select-scatter a s 1 2)", "a.select_scatter(s, 1, 2)")
case("torch/slice-scatter", "a 3,4; s 3,2", "(torch/slice-scatter a s 1 1 3)", "a.slice_scatter(s, 1, 1, 3)")
case("torch/one-hot", "i 4 int 0 3", "(torch/one-hot i 5)", "F.one_hot(i, 5)")
case("torch/sort", "a 3,4", "(car (torch/sort a))", "torch.sort(a).values")
case("torch/sort", "a 3,4", "(car (cdr (torch/sort a 0 #t)))", "torch.sort(a, 0, True).indices")
case("torch/argsort", "a 3,4", "(torch/argsort a 1)", "torch.argsort(a, 1)")
case("torch/topk", "a 3,4", "(car (torch/topk a 2))", "torch.topk(a, 2).values")
case("torch/topk", "a 3,4", "(car (torch/topk a 1 0 #f))", "torch.topk(a, 1, 0, False).values")
case("torch/unique", "a 3,4 int 0 5", "(torch/unique a)", "torch.unique(a)")

# --- Shape ----------------------------------------------------------------------------------------

case("torch/reshape", "a 2,3", "(torch/reshape a '(3 -1))", "a.reshape(3, -1)")
case("torch/transpose", "a 2,3", "(torch/transpose a 0 1)", "a.transpose(0, 1)")
case("torch/squeeze", "a 2,1,3", "(torch/squeeze a)", "a.squeeze()")
case("torch/unsqueeze", "a 2,3", "(torch/unsqueeze a 1)", "a.unsqueeze(1)")
case("torch/cat", "a 2,3; b 1,3", "(torch/cat (list a b) 0)", "torch.cat([a, b], 0)")
case("torch/stack", "a 2,3; b 2,3", "(torch/stack (list a b) 1)", "torch.stack([a, b], 1)")
case("torch/chunk", "a 5,2", "(car (torch/chunk a 2))", "a.chunk(2)[0]")
case("torch/split", "a 5,2", "(car (cdr (torch/split a 2)))", "a.split(2)[1]")
case("torch/split", "a 2,5", "(car (cdr (torch/split a '(1 4) 1)))", "a.split([1, 4], 1)[1]")
case("torch/unbind", "a 2,3", "(car (cdr (torch/unbind a 1)))", "a.unbind(1)[1]")
case("torch/flip", "a 2,3", "(torch/flip a '(1))", "a.flip([1])")
case("torch/roll", "a 2,3", "(torch/roll a 1 1)", "a.roll(1, 1)")
case("torch/roll", "a 2,3", "(torch/roll a 2)", "a.roll(2)")
case("torch/repeat", "a 2,2", "(torch/repeat a '(2 1 2))", "a.repeat(2, 1, 2)")
case("torch/repeat-interleave", "a 2,2", "(torch/repeat-interleave a 2 1)", "a.repeat_interleave(2, 1)")
case("torch/expand", "a 2,1", "(torch/expand a '(-1 3))", "a.expand(-1, 3)")
case("torch/permute", "a 2,3,2", "(torch/permute a '(2 0 1))", "a.permute(2, 0, 1)")
case("torch/flatten", "a 2,3,2", "(torch/flatten a 1)", "a.flatten(1)")
case("torch/pad", "a 2,3", "(torch/pad a '(1 2) 'constant 0.5)", "F.pad(a, (1, 2), 'constant', 0.5)")
case("torch/pad", "a 1,2,3", "(torch/pad a '(1 2) 'reflect)", "F.pad(a, (1, 2), 'reflect')")
for mode in ["nearest", "linear", "area"]:
    case("torch/interpolate", "a 1,2,3", f"(torch/interpolate a '(5) '{mode})", f"F.interpolate(a, size=(5,), mode='{mode}')")
for mode in ["nearest", "bilinear", "bicubic", "area"]:
    case("torch/interpolate", "a 1,1,2,3", f"(torch/interpolate a '(3 5) '{mode})", f"F.interpolate(a, size=(3, 5), mode='{mode}')")
case("torch/interpolate", "a 1,1,2,3", "(torch/interpolate a '(3 5) 'bilinear #t)",
     "F.interpolate(a, size=(3, 5), mode='bilinear', align_corners=True)")
case("torch/detach", "a 2,3", "(torch/detach a)", "a.detach()")
case("torch/clone", "a 2,3", "(torch/clone a)", "a.clone()")

# --- Reductions -----------------------------------------------------------------------------------

for name in ["sum", "mean", "prod", "var", "std", "median"]:
    case("torch/" + name, "a 3,4", f"(torch/{name} a)", f"torch.{name}(a)")
    value = ".values" if name == "median" else ""
    case("torch/" + name, "a 3,4", f"(torch/{name} a 1 #t)", f"torch.{name}(a, dim=1, keepdim=True){value}")
for name in ["max", "min"]:
    case("torch/" + name, "a 3,4", f"(torch/{name} a)", f"torch.{name}(a)")
    case("torch/" + name, "a 3,4", f"(torch/{name} a 0)", f"torch.{name}(a, dim=0).values")
case("torch/var", "a 3,4", "(torch/var a 0 #f 0)", "torch.var(a, dim=0, correction=0)")
case("torch/norm", "a 3,4", "(torch/norm a)", "torch.linalg.vector_norm(a)")
case("torch/norm", "a 3,4", "(torch/norm a 3 1)", "torch.linalg.vector_norm(a, 3, 1)")
case("torch/logsumexp", "a 3,4", "(torch/logsumexp a 1)", "torch.logsumexp(a, 1)")
case("torch/logsumexp", "a 3,4", "(torch/logsumexp a '(0 1))", "torch.logsumexp(a, (0, 1))")
case("torch/count-nonzero", "a 3,4 int 0 3", "(torch/count-nonzero a)", "torch.count_nonzero(a)")
case("torch/cumsum", "a 3,4", "(torch/cumsum a 1)", "torch.cumsum(a, 1)")
case("torch/cumprod", "a 3,4", "(torch/cumprod a 0)", "torch.cumprod(a, 0)")
case("torch/argmax", "a 3,4", "(torch/argmax a 1)", "torch.argmax(a, 1)")
case("torch/argmin", "a 3,4", "(torch/argmin a)", "torch.argmin(a)")
case("torch/column-l2-norm", "a 3,4", "(torch/column-l2-norm a 0)", "a.square().sum(0).sqrt()")

# --- Linear algebra -------------------------------------------------------------------------------

SYMMETRIC = "(torch/add a (torch/transpose a 0 1))"
POSITIVE = "(torch/add (torch/matmul a (torch/transpose a 0 1)) (torch/eye 3 3 (torch/dtype a)))"
PYTHON_POSITIVE = "(a @ a.T + torch.eye(3, dtype=a.dtype))"
case("torch/matmul", "a 2,3; b 3,2", "(torch/matmul a b)", "a @ b")
case("torch/dot", "a 2,3; b 6", "(torch/dot a b)", "torch.dot(a.reshape(-1), b)")
case("torch/einsum", "a 2,3; b 4,3", '(torch/einsum "ij,kj->ik" (list a b))', "torch.einsum('ij,kj->ik', a, b)")
case("torch/bmm", "a 2,2,3; b 2,3,2", "(torch/bmm a b)", "torch.bmm(a, b)")
case("torch/outer", "a 3; b 2", "(torch/outer a b)", "torch.outer(a, b)")
case("torch/kron", "a 2,2; b 1,3", "(torch/kron a b)", "torch.kron(a, b)")
case("torch/cross", "a 2,3; b 2,3", "(torch/cross a b)", "torch.linalg.cross(a, b)")
case("torch/solve", "a 3,3 1 4; b 3,2", "(torch/solve a b)", "torch.linalg.solve(a, b)", "1e-4: the matrix's condition")
case("torch/solve-triangular", "a 3,3 1 2; b 3,2", "(torch/solve-triangular (torch/tril a) b #f)",
     "torch.linalg.solve_triangular(a.tril(), b, upper=False)")
case("torch/cholesky-solve", "a 3,3; b 3,2", f"(torch/cholesky-solve b (torch/cholesky {POSITIVE}))",
     f"torch.cholesky_solve(b, torch.linalg.cholesky({PYTHON_POSITIVE}))")
case("torch/cholesky", "a 3,3", f"(torch/cholesky {POSITIVE})", f"torch.linalg.cholesky({PYTHON_POSITIVE})")
case("torch/inverse", "a 3,3 1 4", "(torch/inverse a)", "torch.linalg.inv(a)", "1e-4: the matrix's condition")
case("torch/pinv", "a 3,2", "(torch/pinv a)", "torch.linalg.pinv(a)", "1e-4: the matrix's condition")
case("torch/matrix-exp", "a 3,3", "(torch/matrix-exp a)", "torch.linalg.matrix_exp(a)")
case("torch/matrix-power", "a 3,3", "(torch/matrix-power a 3)", "torch.linalg.matrix_power(a, 3)")
case("torch/det", "a 3,3", "(torch/det a)", "torch.linalg.det(a)",
     "float64-only: where float64 is the default, libtorch's gradient of det fails for any other dtype")
case("torch/slogdet", "a 3,3", "(car (cdr (torch/slogdet a)))", "torch.linalg.slogdet(a).logabsdet", "1e-4: the matrix's condition")
# Factors are unique but for signs; these are not changed by them.
case("torch/svd", "a 3,2", "(car (cdr (torch/svd a)))", "torch.linalg.svd(a, full_matrices=False).S")
case("torch/svd", "a 3,2", "(let ((usv (torch/svd a))) (torch/matmul (car usv) (car (cdr (cdr usv)))))",
     "(lambda s: s.U @ s.Vh)(torch.linalg.svd(a, full_matrices=False))", "1e-4: the matrix's condition")
case("torch/eigh", "a 3,3", f"(car (torch/eigh {SYMMETRIC}))", "torch.linalg.eigh(a + a.T).eigenvalues")
case("torch/eigh", "a 3,3", f"(torch/square (car (cdr (torch/eigh {SYMMETRIC}))))",
     "torch.linalg.eigh(a + a.T).eigenvectors.square()", "1e-4: the gaps between the eigenvalues")
case("torch/qr", "a 3,2", "(torch/square (car (torch/qr a)))", "torch.linalg.qr(a).Q.square()")
case("torch/qr", "a 3,2", "(torch/square (car (cdr (torch/qr a))))", "torch.linalg.qr(a).R.square()")
case("torch/lstsq", "a 4,2; b 4,1", "(torch/lstsq a b)", "torch.linalg.lstsq(a, b).solution", "1e-4: the matrix's condition")
case("torch/trace", "a 3,3", "(torch/trace a)", "torch.trace(a)")
case("torch/diag", "a 3,3", "(torch/diag a 1)", "torch.diag(a, 1)")
case("torch/diag", "a 3", "(torch/diag a)", "torch.diag(a)")
case("torch/tril", "a 3,3", "(torch/tril a)", "torch.tril(a)")
case("torch/triu", "a 3,3", "(torch/triu a 1)", "torch.triu(a, 1)")

# --- Gradients of gradients -----------------------------------------------------------------------

case("torch/grad-of", "a 3", "(torch/grad-of (torch/sum (torch/pow a 3)) a 'create-graph #t)",
     "torch.autograd.grad((a ** 3).sum(), a, create_graph=True)[0]", "no-differences: needs inputs that track gradients")
case("torch/grad-of", "a 3; v 3", "(torch/grad-of (torch/sin a) a 'vector v 'create-graph #t)",
     "torch.autograd.grad(torch.sin(a), a, v, create_graph=True)[0]", "no-differences: needs inputs that track gradients")

# --- What layers compute --------------------------------------------------------------------------

case("torch/linear", "x 2,3; w 4,3; b 4", "(torch/linear x w b)", "F.linear(x, w, b)")
case("torch/linear", "x 2,3; w 4,3", "(torch/linear x w '())", "F.linear(x, w)")
case("torch/conv1d", "x 2,2,5; w 3,2,3; b 3", "(torch/conv1d x w b 2 1)", "F.conv1d(x, w, b, 2, 1)")
case("torch/conv1d", "x 1,2,6; w 4,1,2", "(torch/conv1d x w '() 1 0 2 2)", "F.conv1d(x, w, None, 1, 0, 2, 2)")
case("torch/conv2d", "x 2,2,4,4; w 3,2,3,3; b 3", "(torch/conv2d x w b)", "F.conv2d(x, w, b)")
case("torch/conv2d", "x 1,2,4,5; w 2,2,2,3", "(torch/conv2d x w '() '(1 2) '(1 0))", "F.conv2d(x, w, None, (1, 2), (1, 0))")
case("torch/max-pool2d", "x 1,2,4,4", "(torch/max-pool2d x 2)", "F.max_pool2d(x, 2)")
case("torch/max-pool2d", "x 1,1,5,5", "(torch/max-pool2d x '(3 2) 2 '(1 0))", "F.max_pool2d(x, (3, 2), 2, (1, 0))")
case("torch/avg-pool2d", "x 1,2,4,4", "(torch/avg-pool2d x 2)", "F.avg_pool2d(x, 2)")
case("torch/avg-pool2d", "x 1,1,5,5", "(torch/avg-pool2d x 3 1 1)", "F.avg_pool2d(x, 3, 1, 1)")
case("torch/batch-norm", "x 3,2,2; w 2; b 2", "(torch/batch-norm x w b '() '() #t)",
     "F.batch_norm(x, None, None, w, b, True)")
case("torch/batch-norm", "x 3,2; w 2; b 2", "(torch/batch-norm x w b (torch/full '(2) 0.5 dtype) (torch/full '(2) 2 dtype) #f)",
     "F.batch_norm(x, torch.full((2,), 0.5), torch.full((2,), 2.), w, b, False)")
case("torch/layer-norm", "x 2,3,4; w 4; b 4", "(torch/layer-norm x '(4) w b)", "F.layer_norm(x, (4,), w, b)")
case("torch/layer-norm", "x 2,3,2", "(torch/layer-norm x '(3 2) '() '() 0.1)", "F.layer_norm(x, (3, 2), None, None, 0.1)")
case("torch/group-norm", "x 2,4,3; w 4; b 4", "(torch/group-norm x 2 w b)", "F.group_norm(x, 2, w, b)")
case("torch/embedding", "w 5,3; i 2,2 int 0 5", "(torch/embedding w i)", "F.embedding(i, w)")
case("torch/embedding", "w 3,2", "(torch/embedding w '(0 2 2) 2)", "F.embedding(torch.tensor([0, 2, 2]), w, padding_idx=2)",
     "no-differences: the padding gets no gradient though the result depends on it")
LSTM = "x 2,3,2; h 1,2,2; c 1,2,2; u 8,2; v 8,2; p 8; q 8"
case("torch/lstm", LSTM, "(car (torch/lstm x h c (list u v p q) 1))", "torch.lstm(x, (h, c), (u, v, p, q), True, 1, 0., True, False, True)[0]")
case("torch/lstm", LSTM, "(car (cdr (cdr (torch/lstm x h c (list u v p q) 1))))",
     "torch.lstm(x, (h, c), (u, v, p, q), True, 1, 0., True, False, True)[2]")
case("torch/gru", "x 2,3,2; h 1,2,2; u 6,2; v 6,2; p 6; q 6", "(car (torch/gru x h (list u v p q) 1))",
     "torch.gru(x, h, (u, v, p, q), True, 1, 0., True, False, True)[0]")
case("torch/attention", "q 1,2,3,2; k 1,2,4,2; v 1,2,4,2", "(torch/attention q k v)", "F.scaled_dot_product_attention(q, k, v)")
case("torch/attention", "q 1,1,3,2; k 1,1,3,2; v 1,1,3,2", "(torch/attention q k v '() #t)",
     "F.scaled_dot_product_attention(q, k, v, is_causal=True)")
case("torch/attention", "q 1,1,3,2; k 1,1,3,2; v 1,1,3,2; m 3,3", "(torch/attention q k v m)",
     "F.scaled_dot_product_attention(q, k, v, m)")

# --- Losses ---------------------------------------------------------------------------------------

for name, python in [("mse", "mse_loss"), ("l1", "l1_loss"), ("smooth-l1", "smooth_l1_loss"), ("huber", "huber_loss")]:
    case(f"nn/{name}-loss", "p 3,2 -2 2; t 3,2 -2 2", f"(nn/{name}-loss p t)", f"F.{python}(p, t)")
    for reduction in ["sum", "none"]:
        case(f"nn/{name}-loss", "p 3,2 -2 2; t 3,2 -2 2", f"(nn/{name}-loss p t 'reduction '{reduction})",
             f"F.{python}(p, t, reduction='{reduction}')")
case("nn/smooth-l1-loss", "p 3,2 -2 2; t 3,2 -2 2", "(nn/smooth-l1-loss p t 'beta 0.5)", "F.smooth_l1_loss(p, t, beta=0.5)")
case("nn/huber-loss", "p 3,2 -2 2; t 3,2 -2 2", "(nn/huber-loss p t 'delta 0.5)", "F.huber_loss(p, t, delta=0.5)")
case("nn/cross-entropy-loss", "p 3,4; t 3,4 0 1", "(nn/cross-entropy-loss p t)", "F.cross_entropy(p, t)")
case("nn/cross-entropy-loss", "p 3,4; t 3,4 0 1; w 4 0.5 2", "(nn/cross-entropy-loss p t 'weight (torch/detach w) 'label-smoothing 0.1)",
     "F.cross_entropy(p, t, weight=w.detach(), label_smoothing=0.1)")
CLASSES = "p 5,4; t 5 int 0 4; w 4 0.5 2"
case("nn/cross-entropy-loss", CLASSES, "(nn/cross-entropy-loss p t)", "F.cross_entropy(p, t)")
case("nn/cross-entropy-loss", CLASSES,
     "(nn/cross-entropy-loss p t 'weight (torch/detach w) 'ignore-index 1 'label-smoothing 0.2)",
     "F.cross_entropy(p, t, weight=w.detach(), ignore_index=1, label_smoothing=0.2)")
case("nn/cross-entropy-loss", CLASSES, "(nn/cross-entropy-loss p t 'reduction 'sum)", "F.cross_entropy(p, t, reduction='sum')")
case("nn/nll-loss", CLASSES, "(nn/nll-loss (torch/log-softmax p 1) t 'weight (torch/detach w) 'ignore-index 0)",
     "F.nll_loss(F.log_softmax(p, 1), t, weight=w.detach(), ignore_index=0)")
case("nn/bce-loss", "p 3,2 0.1 0.9; t 3,2 0 1; w 2 0.5 2", "(nn/bce-loss p (torch/detach t) 'weight (torch/detach w))",
     "F.binary_cross_entropy(p, t.detach(), weight=w.detach())")
case("nn/bce-with-logits-loss", "p 3,2; t 3,2 0 1; w 2 0.5 2", "(nn/bce-with-logits-loss p (torch/detach t) 'positive-weight (torch/detach w))",
     "F.binary_cross_entropy_with_logits(p, t.detach(), pos_weight=w.detach())")
case("nn/kl-loss", "p 3,2; t 3,2 0.1 1", "(nn/kl-loss p t)", "F.kl_div(p, t)")
case("nn/kl-loss", "p 3,2; t 3,2", "(nn/kl-loss p t 'log-target #t 'reduction 'sum)", "F.kl_div(p, t, log_target=True, reduction='sum')")
case("nn/cosine-loss", "a 3,4; b 3,4", "(nn/cosine-loss a b (torch/tensor '(1 -1 1) dtype) 'margin -0.9)",
     "F.cosine_embedding_loss(a, b, torch.tensor([1., -1., 1.]), margin=-0.9)")
case("nn/triplet-loss", "a 3,4; b 3,4; c 3,4", "(nn/triplet-loss a b c 'margin 2)", "F.triplet_margin_loss(a, b, c, margin=2)")

# --- Modules --------------------------------------------------------------------------------------
# (name, input, Eta, Python). Their parameters are filled with the same numbers, in order; gradients are those of the input and
# of all parameters. Modules exist in the default dtype only, so these are cases of float64.
MODULES = [
    ("nn/linear", "x 2,3", "(nn/linear 3 4)", "nn.Linear(3, 4)"),
    ("nn/sequential", "x 2,3", "(nn/sequential (nn/linear 3 4) (nn/relu-layer) (nn/linear 4 2) (nn/sigmoid-layer))",
     "nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 2), nn.Sigmoid())"),
    ("conv1d", "x 2,2,6", "(conv1d 2 4 3 'stride 2 'padding 1 'groups 2)", "nn.Conv1d(2, 4, 3, stride=2, padding=1, groups=2)"),
    ("conv2d", "x 1,2,5,5", "(conv2d 2 3 '(3 2) 'bias #f 'dilation 2)", "nn.Conv2d(2, 3, (3, 2), bias=False, dilation=2)"),
    ("max-pool2d", "x 1,1,5,5", "(max-pool2d 3 'stride 2 'padding 1)", "nn.MaxPool2d(3, 2, 1)"),
    ("avg-pool2d", "x 1,1,4,4", "(avg-pool2d 2)", "nn.AvgPool2d(2)"),
    ("flatten-layer", "x 2,2,3", "(flatten-layer)", "nn.Flatten()"),
    ("gelu-layer", "x 2,3", "(gelu-layer)", "nn.GELU()"),
    ("tanh-layer", "x 2,3", "(tanh-layer)", "nn.Tanh()"),
    ("softmax-layer", "x 2,3", "(softmax-layer)", "nn.Softmax(-1)"),
    ("residual", "x 2,3", "(residual (nn/linear 3 4) (tanh-layer) (nn/linear 4 3))",
     "Residual(nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 3)))"),
    ("batch-norm", "x 4,3,2", "(batch-norm 3)", "nn.BatchNorm1d(3)"),
    ("batch-norm", "x 4,3", "(let ((m (batch-norm 3 'momentum 0.3))) (nn/forward m (real 7 '(5 3) -1 1)) (nn/eval! m))",
     "seen(nn.BatchNorm1d(3, momentum=0.3), real(7, (5, 3)))"),
    ("layer-norm", "x 2,3,4", "(layer-norm '(3 4))", "nn.LayerNorm((3, 4))"),
    ("group-norm", "x 2,4,3", "(group-norm 2 4)", "nn.GroupNorm(2, 4)"),
    ("embedding", "x 2,3 int 0 5", "(embedding 5 3)", "nn.Embedding(5, 3)"),
    ("lstm", "x 2,3,2", "(lstm 2 3 'layers 2)", "First(nn.LSTM(2, 3, 2, batch_first=True))"),
    ("gru", "x 2,3,2", "(gru 2 3)", "First(nn.GRU(2, 3, batch_first=True))"),
    ("multi-head-attention", "x 2,3,4", "(multi-head-attention 4 2)", "SelfAttention(nn.MultiheadAttention(4, 2, batch_first=True))"),
    ("transformer-encoder-layer", "x 2,3,4", "(transformer-encoder-layer 4 2 'inner 5 'dropout 0)",
     "nn.TransformerEncoderLayer(4, 2, 5, 0., batch_first=True)"),
    ("transformer-encoder-layer", "x 2,3,4", "(transformer-encoder-layer 4 2 'inner 5 'dropout 0 'norm-first #t 'causal #t)",
     "Causal(nn.TransformerEncoderLayer(4, 2, 5, 0., batch_first=True, norm_first=True))"),
]

# --- Optimizers -----------------------------------------------------------------------------------
# (name, Eta, Python, how the gradients are clipped in Python). Five steps of a linear layer; the value is its parameters.
OPTIMIZERS = [
    ("optim/sgd", "(optim/sgd m 0.1 'momentum 0.9 'nesterov #t 'weight-decay 0.1)",
     "torch.optim.SGD(ps, 0.1, momentum=0.9, nesterov=True, weight_decay=0.1)", ""),
    ("optim/sgd", "(optim/sgd m 0.1 'clip-norm 0.05)", "torch.optim.SGD(ps, 0.1)", "nn.utils.clip_grad_norm_(ps, 0.05)"),
    ("optim/sgd", "(optim/sgd m 0.1 'clip-value 0.02)", "torch.optim.SGD(ps, 0.1)", "nn.utils.clip_grad_value_(ps, 0.02)"),
    ("optim/adam", "(optim/adam m 0.1 'beta1 0.8 'beta2 0.9 'epsilon 1e-6 'weight-decay 0.1)",
     "torch.optim.Adam(ps, 0.1, betas=(0.8, 0.9), eps=1e-6, weight_decay=0.1)", ""),
    ("adamw", "(adamw m 0.1)", "torch.optim.AdamW(ps, 0.1)", ""),
    ("rmsprop", "(rmsprop m 0.1 'momentum 0.5 'weight-decay 0.1)", "torch.optim.RMSprop(ps, 0.1, momentum=0.5, weight_decay=0.1)", ""),
    ("adagrad", "(adagrad m 0.1 'rate-decay 0.1 'initial 0.5)",
     "torch.optim.Adagrad(ps, 0.1, lr_decay=0.1, initial_accumulator_value=0.5)", ""),
]
