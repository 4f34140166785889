#!/usr/bin/env python3
"""Writes tests/torch/parity.txt: what PyTorch 2.11 computes, for values and gradients.

  python3 tools/parity/generate.py > tests/torch/parity.txt

Inputs come from integer arithmetic, so that they are the same to the bit in the test, which makes them itself.
"""

import warnings

import torch
import torch.nn.functional as F  # noqa: F401, in the cases' expressions

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
        print(reason if reason.startswith("float64-only") else "float32 " + reason)
    print("eta", eta)
    print("value", numbers(y))
    wanted = [(name, tensor) for name, _, tensor in read if tensor.is_floating_point()]
    if y.requires_grad:
        gradients = torch.autograd.grad(weighted(y), [tensor for _, tensor in wanted], allow_unused=True)
        for (name, tensor), gradient in zip(wanted, gradients):
            print("grad", name, numbers(torch.zeros_like(tensor) if gradient is None else gradient))


def main():
    print("# Made by tools/parity/generate.py with PyTorch", torch.__version__.split("+")[0])
    for row in cases.OPERATIONS:
        write(*row)


if __name__ == "__main__":
    main()
