#!/usr/bin/env python3
"""Writes tests/torch/parity.txt: what PyTorch 2.11 computes, for values and gradients.

  python3 tools/parity/generate.py > tests/torch/parity.txt

Inputs come from integer arithmetic, so that they are the same to the bit in the test, which makes them itself.
"""

import warnings

import torch
import torch.nn.functional as F
from torch import nn

import cases

warnings.filterwarnings("ignore")
torch.set_default_dtype(torch.float64)
torch.set_num_threads(1)


def fraction(seed, i):
    return ((i * i * 31 + i * 7919 + seed * 1299709 + 12345) % 10007) / 10007


def real(seed, shape, low=-1.0, high=1.0):
    count = 1
    for size in shape:
        count *= size
    return torch.tensor([low + (high - low) * fraction(seed, i) for i in range(count)]).reshape(shape)


def integers(seed, shape, low, high):
    return (low + (high - low) * real(seed, shape, 0.0, 1.0)).floor().long()


def read_inputs(text):
    """[(name, Eta expression, tensor)]"""
    inputs = []
    for seed, item in enumerate((i for i in text.split("; ") if i), start=1):
        name, shape, *bounds = item.split()
        sizes = [int(s) for s in shape.split(",")]
        eta_shape = "'(" + " ".join(map(str, sizes)) + ")"
        if bounds and bounds[0] == "int":
            low, high = map(int, bounds[1:])
            inputs.append((name, f"(integers {seed} {eta_shape} {low} {high})", integers(seed, sizes, low, high)))
        else:
            low, high = map(float, bounds or (-1, 1))
            tensor = real(seed, sizes, low, high).requires_grad_()
            inputs.append((name, f"(real {seed} {eta_shape} {low} {high})", tensor))
    return inputs


def numbers(tensor):
    return " ".join(f"{x:.12g}" for x in tensor.detach().double().flatten().tolist())


def weighted(y):
    return (y * real(99, y.shape, 0.5, 1.5)).sum()


def write(operation, inputs, eta, python, reason):
    read = read_inputs(inputs)
    scope = {name: tensor for name, _, tensor in read}
    y = eval(python, globals(), scope)
    print("case", operation)
    for name, expression, _ in read:
        print("let", name, expression)
    if reason:
        print(reason if reason.startswith(("float64-only", "no-differences")) else "float32 " + reason)
    print("eta", eta)
    print("value", numbers(y))
    wanted = [(name, tensor) for name, _, tensor in read if tensor.is_floating_point()]
    if y.requires_grad:
        gradients = torch.autograd.grad(weighted(y), [tensor for _, tensor in wanted], allow_unused=True)
        for (name, tensor), gradient in zip(wanted, gradients):
            print("grad", name, numbers(torch.zeros_like(tensor) if gradient is None else gradient))


class Residual(nn.Module):
    def __init__(self, inner):
        super().__init__()
        self.inner = inner

    def forward(self, x):
        return x + self.inner(x)


class First(Residual):
    def forward(self, x):
        return self.inner(x)[0]


class SelfAttention(Residual):
    def forward(self, x):
        return self.inner(x, x, x)[0]


class Causal(Residual):
    def forward(self, x):
        mask = nn.Transformer.generate_square_subsequent_mask(x.shape[1], dtype=x.dtype)
        return self.inner(x, src_mask=mask, is_causal=True)


def seen(module, x):
    """After the statistics of one batch."""
    module(x)
    return module.eval()


def fill(module):
    with torch.no_grad():
        for seed, parameter in enumerate(module.parameters(), start=50):
            parameter.copy_(real(seed, parameter.shape, -0.5, 0.5))
    return module


def write_module(name, inputs, eta, python):
    [(x_name, expression, x)] = read_inputs(inputs)
    module = fill(eval(python))
    y = module(x)
    parameters = list(module.parameters())
    print("case", name)
    print("let", x_name, expression)
    print("let m (fill-parameters!", eta + ")")
    print("float64-only: modules are of the default dtype")
    print("eta (nn/forward m x)")
    print("value", numbers(y))
    wanted = [x] * x.is_floating_point() + parameters
    gradients = torch.autograd.grad(weighted(y), wanted)
    if x.is_floating_point():
        print("grad", x_name, numbers(gradients[0]))
    if parameters:
        print("grad parameters", " ".join(numbers(g) for g in gradients[-len(parameters):]))


def write_optimizer(name, eta, python, clip):
    module = fill(nn.Linear(3, 2))
    ps = list(module.parameters())
    optimizer = eval(python)
    x, t = real(1, (4, 3)), real(2, (4, 2))
    for _ in range(5):
        optimizer.zero_grad()
        F.mse_loss(module(x), t).backward()
        eval(clip or "None")
        optimizer.step()
    print("case", name)
    print("let m (fill-parameters! (nn/linear 3 2))")
    print("float64-only: modules are of the default dtype")
    print("eta (trained m", eta + ")")
    print("value", " ".join(numbers(p) for p in ps))


def main():
    print("# Made by tools/parity/generate.py with PyTorch", torch.__version__.split("+")[0])
    for row in cases.OPERATIONS:
        write(*row)
    for row in cases.MODULES:
        write_module(*row)
    for row in cases.OPTIMIZERS:
        write_optimizer(*row)


if __name__ == "__main__":
    main()
