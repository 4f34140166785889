#include "tests/torch/parity.h"

#include <fstream>
#include <sstream>

namespace eta::tensor {
namespace {

std::vector<double> NumbersIn(std::istream& line) {
  std::vector<double> numbers;
  for (double number; line >> number;) numbers.push_back(number);
  return numbers;
}

std::string RestOf(std::istream& line) {
  std::string rest;
  std::getline(line >> std::ws, rest);
  return rest;
}

// One line of the file: a keyword and what belongs to it.
void ReadLine(const std::string& keyword, std::istream& line, std::vector<ParityCase>* cases) {
  if (keyword == "case") cases->push_back({.operation = RestOf(line)});
  ParityCase& current = cases->back();
  if (keyword == "let") {
    std::string name;
    line >> name;
    current.inputs.push_back({name, RestOf(line)});
  } else if (keyword == "eta") {
    current.expression = RestOf(line);
  } else if (keyword == "value") {
    current.value = NumbersIn(line);
  } else if (keyword == "grad") {
    std::string name;
    line >> name;
    current.gradients.push_back({name, NumbersIn(line)});
  } else if (keyword == "float32") {
    line >> current.float32_bound;
  } else if (keyword == "float64-only:") {
    current.float64_only = true;
  } else if (keyword == "no-differences:") {
    current.differences = false;
  }
}

std::vector<ParityCase> ReadCases() {
  std::ifstream file("tests/torch/parity.txt");
  std::vector<ParityCase> cases;
  for (std::string text; std::getline(file, text);) {
    std::istringstream line(text);
    std::string keyword;
    line >> keyword;
    if (keyword != "#" && (keyword == "case" || !cases.empty())) ReadLine(keyword, line, &cases);
  }
  return cases;
}

}  // namespace

const std::vector<ParityCase>& ParityCases() {
  static const std::vector<ParityCase> cases = ReadCases();
  return cases;
}

}  // namespace eta::tensor
