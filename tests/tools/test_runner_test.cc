#include "tools/test_runner.h"

#include <gtest/gtest.h>

#include <string>

#include "tests/support/temporary_folder.h"
#include "tools/program.h"

namespace eta {
namespace {

class TestRunnerTest : public testing::Test {
 protected:
  std::string Write(const std::string& path, const std::string& text) {
    return root_.Write(path, text);
  }

  TestRun Run(const std::string& text) {
    auto run = RunTest(Write("case.test.eta", text), settings_);
    EXPECT_TRUE(run) << run.error();
    return run ? *run : TestRun{};
  }

  const TemporaryFolder root_;
  const TestSettings settings_{std::nullopt, Host()};
};

TEST_F(TestRunnerTest, FindsTestsBelowADirectoryInOrder) {
  const std::string b = Write("b.test.eta", ""), a = Write("a/z.test.eta", "");
  const std::string smoke = Write("c_smoke.eta", ""), other = Write("d.eta", "");
  EXPECT_EQ(*FindTests(root_.path().string()), (std::vector<std::string>{a, b, smoke}));
  EXPECT_EQ(*FindTests(other), std::vector<std::string>{other});
  EXPECT_EQ(FindTests("/no/such").error(), "path does not exist: \"/no/such\"");
}

TEST_F(TestRunnerTest, CollectsResults) {
  const TestRun run = Run("(display \"noise\\nok 1 - a\\nnot ok 2 - b\\n  why\\n\")");
  ASSERT_EQ(run.result.cases.size(), 2u);
  EXPECT_EQ(run.result.name, "case.test.eta");
  EXPECT_FALSE(run.result.cases[1].ok);
  EXPECT_EQ(run.result.cases[1].details, std::vector<std::string>{"  why"});
  EXPECT_TRUE(run.failure.empty());
}

TEST_F(TestRunnerTest, ASilentProgramPasses) {
  const TestRun run = Run("(define x 1)");
  ASSERT_EQ(run.result.cases.size(), 1u);
  EXPECT_TRUE(run.result.cases[0].ok);
  EXPECT_EQ(run.result.cases[0].name, "case.test.eta (no TAP output)");
}

TEST_F(TestRunnerTest, ADyingProgramIsOneFailure) {
  const TestRun run = Run("(display \"ok 1 - a\\n\") (car 1)");
  ASSERT_EQ(run.result.cases.size(), 1u);
  EXPECT_FALSE(run.result.cases[0].ok);
  EXPECT_EQ(run.result.cases[0].name, "case.test.eta (load error)");
  EXPECT_NE(run.failure.find("car: not a pair"), std::string::npos);
}

TEST_F(TestRunnerTest, AnExitThatNoFailedCaseAccountsForIsAFailure) {
  const std::vector<TestCase> cases = Run("(display \"ok 1 - a\\n\") (exit 7)").result.cases;
  ASSERT_EQ(cases.size(), 2u);
  EXPECT_TRUE(cases[0].ok);
  EXPECT_FALSE(cases[1].ok);
  EXPECT_EQ(cases[1].name, "case.test.eta (exit 7)");
}

TEST_F(TestRunnerTest, AnExitAfterAFailedCaseAddsNothing) {
  const std::vector<TestCase> cases = Run("(display \"not ok 1 - a\\n\") (exit 1)").result.cases;
  ASSERT_EQ(cases.size(), 1u);
  EXPECT_EQ(cases[0].name, "a");
}

TEST_F(TestRunnerTest, AnExitWithZeroIsNoFailure) {
  const std::vector<TestCase> cases = Run("(exit)").result.cases;
  ASSERT_EQ(cases.size(), 1u);
  EXPECT_TRUE(cases[0].ok);
}

// std.test gives such a program the status 1.
TEST_F(TestRunnerTest, FailingTestsKeepTheirResults) {
  const TestRun run =
      Run("(import std.test) (print-tap (run (make-group \"g\" (list "
          "(make-test \"a\" (lambda () (assert-true #f))) (make-test \"b\" (lambda () 1))))))");
  ASSERT_EQ(run.result.cases.size(), 2u);
  EXPECT_FALSE(run.result.cases[0].ok);
  EXPECT_TRUE(run.result.cases[1].ok);
  EXPECT_EQ(run.failure, "");
}

}  // namespace
}  // namespace eta
