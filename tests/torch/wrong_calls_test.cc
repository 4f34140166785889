// Thousands of calls with arguments that nobody chose: each returns, or is one catchable error that
// names the operation.
#include <gtest/gtest.h>

#include <algorithm>
#include <optional>
#include <random>

#include "tests/torch/script.h"
#include "torch/op_table.h"

namespace eta::tensor {
namespace {

constexpr int kCalls = 6000;

// Of all kinds, shapes and dtypes that an operation may or may not like.
const char* const kArguments[] = {
    "0",
    "1",
    "-1",
    "2",
    "7",
    "-3",
    "0.5",
    "2.0",
    "-1e300",
    "(torch/item (torch/tensor 0))",
    "#t",
    "#f",
    "'()",
    "\"\"",
    "\"ij,jk->ik\"",
    "\"cpu\"",
    "'float32",
    "'int64",
    "'mean",
    "'weight",
    "'reduction",
    "'tanh",
    "'bilinear",
    "#\\a",
    "(vector 1 2)",
    "(hash-map 1 2)",
    "car",
    "(lambda () 1)",
    "(lambda (x) x)",
    "'(0)",
    "'(1 0)",
    "'(2 3)",
    "'(-1 2)",
    "'(0 5 1)",
    "'(1 . 2)",
    "'(a b)",
    "'(1.5)",
    "(torch/tensor 1)",
    "(torch/tensor '(1 2 3))",
    "(torch/tensor '((1 2) (3 4)))",
    "(torch/tensor '((1 2 3) (4 5 6)) #t)",
    "(torch/tensor '(0 1) 'int64)",
    "(torch/tensor '(9 -9) 'int64)",
    "(torch/tensor '((0 1) (1 0)) 'bool)",
    "(torch/tensor '(1 2) 'float32)",
    "(torch/tensor '(1 2) 'float16)",
    "(torch/zeros '(0))",
    "(torch/zeros '(2 0))",
    "(torch/ones '(1 2 4 4))",
    "(torch/ones '(2 3 2))",
    "(torch/ones '(3 2 3 3))",
    "(torch/log (torch/tensor '((-1 2) (0 1))))",
    "(list (torch/tensor '(1 2)) (torch/tensor '((1 2) (3 4))))",
    "(list (torch/ones '(8 2)) (torch/ones '(8 2)) (torch/ones '(8)) (torch/ones '(8)))",
    "(list (torch/ones '(2)) 1)",
    "(circle 1)",
    "(circle (torch/ones '(2)))",
    "(circle 'weight)",
    "(list)",
    "(list (cons 'w (torch/ones '(2))))",
    "(nn/linear 2 3)",
    "(nn/relu-layer)",
    "(nn/sequential)",
    "(nn/make-module '() (lambda (x) 1))",
    "(optim/sgd (nn/linear 2 3) 0.1)",
};

// They change what other calls see, or the file system.
bool Excluded(std::string_view name) {
  return name.starts_with("data/load") || name == "torch/save" || name == "torch/load" ||
         name == "torch/default-dtype!" || name == "torch/print" || name == "torch/no-grad" ||
         name.starts_with("torch/save-") || name == "optim/save-checkpoint";
}

std::vector<NativeDef> Operations() {
  std::vector<NativeDef> ops;
  for (auto* table = OpTable::First(); table; table = table->next()) {
    for (const NativeDef& op : table->ops()) {
      if (!Excluded(op.name)) ops.push_back(op);
    }
  }
  std::sort(ops.begin(), ops.end(), [](auto& a, auto& b) { return a.name < b.name; });
  return ops;
}

// Gives "returned", or the error's tag and message.
std::string Program(const std::string& call) {
  return "(define (circle item) (let ((list (list item item item))) (set-cdr! (cdr list) list) "
         "list))"
         "(define (tried thunk) (catch 'runtime.error (begin (thunk) 'returned)))"
         "(define result (tried (lambda () " +
         call + ")))(write (if (pair? result) (car (cdr (cdr result))) result))";
}

TEST(WrongCallsTest, AreErrorsThatNameTheOperation) {
  std::mt19937 random(20261123);
  const auto operations = Operations();
  const auto any = [&](size_t count) { return random() % count; };
  int errors = 0;
  std::optional<Script> script;
  for (int i = 0; i < kCalls; ++i) {
    if (i % 500 == 0) script.emplace();
    const NativeDef& op = operations[static_cast<size_t>(i) % operations.size()];
    const std::string name(op.name);
    std::string call = "(" + name;
    const size_t optional =
        op.max_args == kAnyCount ? 4 : static_cast<size_t>(op.max_args - op.min_args);
    for (size_t left = static_cast<size_t>(op.min_args) + any(optional + 1); left > 0; --left) {
      call += " " + std::string(kArguments[any(std::size(kArguments))]);
    }
    call += ")";
    SCOPED_TRACE(call);
    const std::string result = script->Run(Program(call));
    if (result == "returned") continue;
    ++errors;
    ASSERT_NE(result.find(name), std::string::npos) << result;
    ASSERT_EQ(result.find("error: "), std::string::npos) << result;
  }
  EXPECT_GE(errors, 5000);
}

}  // namespace
}  // namespace eta::tensor
