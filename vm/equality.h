// When two values are the same. (eq? is ==.)
#pragma once

#include <cstdint>
#include <optional>

#include "vm/native.h"

namespace eta {

class Vm;

// eqv?: the same word, or integers of the same value. 2 and 2.0 differ, so do 0.0 and -0.0.
bool Eqv(Value a, Value b);

// equal?: eqv?, or pairs, vectors and bytevectors of equal elements, or hash maps and sets of equal
// contents, or foreign values whose type says so. Ends on cyclic data and at any depth.
bool Equal(Vm& vm, Value a, Value b);

// Equal values have equal hashes, in 46 bits; equal on all VMs that have the same hash seed.
// Nothing: the value cannot be a key (procedures, ports, tensors, atoms), or contains such a one.
std::optional<uint64_t> HashValue(Vm& vm, Value value);

}  // namespace eta
