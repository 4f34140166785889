// Every operation: its row, its values, its gradient.
#include <gtest/gtest.h>

#include <regex>
#include <set>

#include "tests/torch/parity.h"
#include "tests/torch/script.h"
#include "torch/extension.h"
#include "torch/op_table.h"

namespace eta::tensor {
namespace {

struct Case {
  std::string_view operation;
  const char* expression;
  const char* expected;
};
#define CASE(operation, expression, expected) {operation, expression, expected},
const Case kCases[] = {
#include "tests/torch/op_cases.inc"
};

struct GradientCase {
  std::string_view operation;
  const char* function;
  const char* point;
};
#define GRADIENT(operation, function, point) {operation, function, point},
const GradientCase kGradientCases[] = {
#include "tests/torch/grad_cases.inc"
};

// Operations that have a test of their own: on files (files_test.cc, and checkpoint_test.cc in
// tests/parallel/training), on data sets (data/).
bool HasOwnTest(std::string_view name) {
  return name == "torch/save" || name == "torch/load" || name.starts_with("data/") ||
         name.ends_with("-safetensors") || name.ends_with("-checkpoint");
}

std::vector<const NativeDef*> AllOps() {
  std::vector<const NativeDef*> ops;
  for (auto* table = OpTable::First(); table; table = table->next()) {
    for (const NativeDef& op : table->ops()) ops.push_back(&op);
  }
  return ops;
}

TEST(OpTableTest, EveryRowIsWellFormed) {
  static const std::regex kName("[a-z0-9]+/[a-z0-9-]+(->[a-z0-9-]+)?[!?]?");
  static const std::regex kDoc("\\([^ )]+( .+)?\\): .+");
  for (const NativeDef* op : AllOps()) {
    EXPECT_TRUE(std::regex_match(std::string(op->name), kName)) << op->name;
    EXPECT_TRUE(std::regex_match(std::string(op->doc), kDoc)) << op->name;
    EXPECT_TRUE(op->max_args == kAnyCount || op->max_args >= op->min_args) << op->name;
  }
}

TEST(OpTableTest, NamesAreUnique) {
  const auto names = OfferedNames();
  EXPECT_EQ(std::set<std::string_view>(names.begin(), names.end()).size(), names.size());
}

TEST(OpTableTest, EveryOperationHasACase) {
  std::set<std::string_view> with_case;
  for (const Case& c : kCases) with_case.insert(c.operation);
  for (const ParityCase& c : ParityCases()) with_case.insert(c.operation);
  for (const NativeDef* op : AllOps()) {
    EXPECT_TRUE(with_case.contains(op->name) || HasOwnTest(op->name)) << op->name;
  }
}

TEST(OpTableTest, EveryCaseUsesItsOperation) {
  for (const Case& c : kCases) {
    EXPECT_NE(std::string_view(c.expression).find(c.operation), std::string_view::npos)
        << c.expression;
  }
}

TEST(OpsTest, ValuesAreAsStored) {
  Script script;
  for (const Case& c : kCases) {
    const std::string actual = script.Eval(c.expression);
    EXPECT_TRUE(SameText(c.expected, actual))
        << c.expression << "\n  expected " << c.expected << "\n  got      " << actual;
  }
}

// Writes the largest difference between the gradient of the weighted sum of f's elements and its
// central differences; the weights tell the elements apart.
const char* const kGradientProgram = R"(
(define f FUNCTION)
(define point 'POINT)
(define (weighted y)
  (torch/sum (torch/mul y (torch/reshape (torch/arange 1 (+ 1 (torch/numel y))) (torch/shape y)))))
(define x (torch/tensor point #t))
(torch/backward (weighted (f x)))
(define n (torch/numel x))
(define h 1e-6)
(define (bumped i delta)
  (torch/item (weighted (f (torch/add (torch/detach x)
                                      (torch/reshape (torch/tensor (unit n i delta)) (torch/shape x)))))))
(define (unit n i delta)
  (if (= n 0) '() (cons (if (= i 0) delta 0) (unit (- n 1) (- i 1) delta))))
(define (differences i)
  (if (= i n) '()
      (cons (/ (- (bumped i h) (bumped i (- h))) (* 2 h)) (differences (+ i 1)))))
(write (torch/item (torch/max (torch/abs
  (torch/sub (torch/reshape (torch/grad x) '(-1)) (torch/tensor (differences 0)))))))
)";

std::string Replace(std::string text, const std::string& what, const std::string& with) {
  return text.replace(text.find(what), what.size(), with);
}

TEST(OpsTest, GradientsEqualFiniteDifferences) {
  constexpr double kTolerance = 1e-6;  // central differences with h = 1e-6 on values below 100
  Script script;
  for (const GradientCase& c : kGradientCases) {
    const std::string program =
        Replace(Replace(kGradientProgram, "FUNCTION", c.function), "POINT", c.point);
    const std::string difference = script.Run(program);
    char* end;
    EXPECT_LT(std::strtod(difference.c_str(), &end), kTolerance) << c.function;
    EXPECT_TRUE(end != difference.c_str() && *end == '\0') << c.function << ": " << difference;
  }
}

}  // namespace
}  // namespace eta::tensor
