"""Writes tests/torch/state/python.safetensors, and checks that Python reads what Eta wrote.

  python3 tools/parity/safetensors_file.py write tests/torch/state/python.safetensors
  python3 tools/parity/safetensors_file.py check FILE    # FILE: what Eta made of that file, saved anew

Needs safetensors; the elements are made by hand, so that no other library rounds them.
"""

import ctypes
import struct
import sys

from safetensors import TensorSpec, deserialize, serialize_file

VALUES = [0, 1, 2.5, 100, -0.3]


def bfloat16(x):
    bits = struct.unpack("<I", struct.pack("<f", x))[0]
    return struct.pack("<H", (bits + 0x7FFF + ((bits >> 16) & 1)) >> 16)  # to the nearest, ties to even


def packed(code, convert=lambda x: x):
    return b"".join(struct.pack("<" + code, convert(x)) for x in VALUES)


def tensors():
    """By name: dtype, shape, elements."""
    return {
        "float64": ("float64", [5], packed("d")),
        "float32": ("float32", [5], packed("f")),
        "float16": ("float16", [5], packed("e")),
        "bfloat16": ("bfloat16", [5], b"".join(map(bfloat16, VALUES))),
        "int64": ("int64", [5], packed("q", int)),
        "int32": ("int32", [5], packed("i", int)),
        "bool": ("bool", [5], packed("?", bool)),
        "matrix": ("float64", [2, 3], struct.pack("<6d", *range(6))),
        "empty": ("float64", [0, 4], b""),
    }


SHORT_NAMES = {"float64": "F64", "float32": "F32", "float16": "F16", "bfloat16": "BF16", "int64": "I64", "int32": "I32",
               "bool": "BOOL"}


def main():
    command, path = sys.argv[1:]
    expected = tensors()
    if command == "write":
        kept = {name: ctypes.create_string_buffer(data, max(len(data), 1)) for name, (_, _, data) in expected.items()}
        serialize_file({name: TensorSpec(dtype=dtype, shape=shape, data_ptr=ctypes.addressof(kept[name]), data_len=len(data))
                        for name, (dtype, shape, data) in expected.items()}, path)
        return
    with open(path, "rb") as file:
        found = {name: (entry["dtype"], list(entry["shape"]), bytes(entry["data"])) for name, entry in deserialize(file.read())}
    expected = {name: (SHORT_NAMES[dtype], shape, data) for name, (dtype, shape, data) in expected.items()}
    wrong = sorted(name for name in found.keys() | expected.keys() if found.get(name) != expected.get(name))
    print("differs: " + " ".join(wrong) if wrong else "the same, to the bit")
    sys.exit(bool(wrong))


main()
