// The parity table, tests/torch/parity.txt: what PyTorch computes for each operation and module,
// made by tools/parity/generate.py.
#pragma once

#include <string>
#include <vector>

namespace eta::tensor {

struct ParityCase {
  struct Input {
    std::string name, expression;
  };
  struct Gradient {
    std::string of;  // an input
    std::vector<double> numbers;
  };
  std::string operation;
  std::vector<Input> inputs;
  std::string expression;  // of the inputs, in Eta
  std::vector<double> value;
  std::vector<Gradient> gradients;
  double float32_bound = 1e-5;  // relative to the norm
  bool float64_only = false;
  bool differences = true;  // whether gradients equal finite differences
};

const std::vector<ParityCase>& ParityCases();

}  // namespace eta::tensor
