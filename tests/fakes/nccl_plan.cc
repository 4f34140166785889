#include "tests/fakes/nccl_plan.h"

#include <sstream>
#include <vector>

namespace eta::fake_nccl {
namespace {

// "1:3:2" -> {1, 3, 2}; nothing but numbers.
std::optional<std::vector<int>> Numbers(const std::string& text) {
  std::vector<int> numbers;
  std::istringstream in(text);
  for (int number; in >> number;) {
    numbers.push_back(number);
    if (in.peek() == ':') in.get();
  }
  if (!in.eof() || numbers.empty()) return std::nullopt;
  return numbers;
}

bool AddRule(const std::string& name, const std::vector<int>& n, Plan* plan) {
  const auto is = [&](const char* rule, size_t numbers) {
    return name == rule && n.size() == numbers;
  };
  if (is("version", 1)) {
    plan->version = n[0];
  } else if (is("delay", 2)) {
    plan->delays[n[0]] = n[1];
  } else if (is("fail", 3)) {
    plan->failures[{n[0], n[1]}] = n[2];
  } else if (is("async", 3)) {
    plan->asynchronous[{n[0], n[1]}] = n[2];
  } else if (is("hang", 2)) {
    plan->hangs[{n[0], n[1]}] = true;
  } else if (is("stuck", 2)) {
    plan->stuck[{n[0], n[1]}] = true;
  } else if (is("fail_start", 2)) {
    plan->start_failures[n[0]] = n[1];
  } else if (is("hang_start", 1)) {
    plan->start_hangs[n[0]] = true;
  } else {
    return false;
  }
  return true;
}

}  // namespace

std::optional<Plan> ParsePlan(const std::string& text) {
  Plan plan;
  std::istringstream words(text);
  for (std::string word; words >> word;) {
    const size_t equals = word.find('=');
    if (equals == std::string::npos) return std::nullopt;
    const auto numbers = Numbers(word.substr(equals + 1));
    if (!numbers || !AddRule(word.substr(0, equals), *numbers, &plan)) return std::nullopt;
  }
  return plan;
}

}  // namespace eta::fake_nccl
