// eta_test and eta_repl, run as a user runs them.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "tests/golden.h"

namespace eta {
namespace {

namespace fs = std::filesystem;

class ProgramsTest : public testing::Test {
 protected:
  ProgramsTest() : root_(fs::path(testing::TempDir()) / "programs") { fs::create_directory(root_); }
  ~ProgramsTest() override { fs::remove_all(root_); }

  void Write(const std::string& name, const std::string& text) {
    std::ofstream(root_ / name) << text;
  }
  Outcome EtaTest(const std::string& options = "") {
    return RunCommand("./eta_test " + options + " " + root_.string() + " </dev/null");
  }
  Outcome Repl(const std::string& input) {
    Write("input", input);
    return RunCommand("./eta_repl <" + (root_ / "input").string());
  }

  const fs::path root_;
};

constexpr const char* kOneOfTwoFails =
    "(import std.test) (print-tap (run (make-group \"g\" (list "
    "(make-test \"wrong\" (lambda () (assert-equal 1 2))) "
    "(make-test \"right\" (lambda () (assert-equal 1 1)))))))";

TEST_F(ProgramsTest, EtaTestRunsAllFilesWhateverBecomesOfOne) {
  Write("a.test.eta", kOneOfTwoFails);
  Write("b.test.eta", "(display \"ok 1 - before\\n\") (exit 7)");
  Write("c.test.eta", "(car 1)");
  Write("d.test.eta", "(display \"ok 1 - last\\n\")");
  const Outcome outcome = EtaTest();
  EXPECT_EQ(outcome.status, 1);
  EXPECT_EQ(outcome.output,
            "TAP version 13\n1..6\n"
            "not ok 1 - wrong\n"
            "  ---\n  message: expected 1 but got 2\n  expected: 1\n  actual: 2\n  line: 1\n  ...\n"
            "ok 2 - right\n"
            "ok 3 - before\n"
            "not ok 4 - b.test.eta (exit 7)\n"
            "not ok 5 - c.test.eta (load error)\n"
            "ok 6 - last\n");
  const Outcome junit = EtaTest("--format junit");
  EXPECT_EQ(junit.status, 1);
  EXPECT_NE(junit.output.find("<testsuites tests=\"6\" failures=\"3\">"), std::string::npos)
      << junit.output;
}

TEST_F(ProgramsTest, EtaTestEndsWithZeroIfAllIsWell) {
  Write("a.test.eta", "(display \"ok 1 - a\\n\") (exit 0)");
  const Outcome outcome = EtaTest();
  EXPECT_EQ(outcome.status, 0);
  EXPECT_EQ(outcome.output, "TAP version 13\n1..1\nok 1 - a\n");
}

TEST_F(ProgramsTest, EtaTestHasTensors) {
  Write("a.test.eta",
        "(import std.test std.torch) (print-tap (run (make-test \"sum\" (lambda () "
        "(assert-equal 6.0 (item (tsum (tensor '(1 2 3)))))))))");
  const Outcome outcome = EtaTest();
  EXPECT_EQ(outcome.status, 0) << outcome.errors;
  EXPECT_EQ(outcome.output, "TAP version 13\n1..1\nok 1 - sum\n");
}

TEST_F(ProgramsTest, TheReplHasTensorsAndGoesOnAfterAnError) {
  const Outcome outcome =
      Repl("(import std.torch)\n(define x (tensor '(1 2 3)))\n(car 1)\n(item (tsum x))\n");
  EXPECT_EQ(outcome.status, 0);
  EXPECT_EQ(outcome.output, "=> 6.0\n");
  EXPECT_NE(outcome.errors.find("car: not a pair"), std::string::npos) << outcome.errors;
}

}  // namespace
}  // namespace eta
