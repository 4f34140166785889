// eta_repl at a terminal.
#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <memory>
#include <string>

#include "tests/golden.h"
#include "tests/terminal.h"

namespace eta {
namespace {

namespace fs = std::filesystem;

constexpr const char* kCtrlC = "\x03";
constexpr const char* kCtrlD = "\x04";
constexpr const char* kUp = "\x1b[A";

class ReplTest : public testing::Test {
 protected:
  ReplTest() : history_(fs::path(testing::TempDir()) / "history") {
    fs::remove(history_);
    Start();
  }

  void Start() {
    terminal_ = std::make_unique<Terminal>(std::vector<std::string>{"./eta_repl"},
                                           std::vector<std::string>{setting_});
    EXPECT_TRUE(terminal_->WaitFor("eta> ")) << terminal_->screen();
  }

  // Types the keys and waits for the text.
  void Expect(const std::string& keys, const std::string& text) {
    terminal_->Type(keys);
    EXPECT_TRUE(terminal_->WaitFor(text))
        << "typed: " << keys << "\nmissing: " << text << "\nscreen: " << terminal_->screen();
  }

  const fs::path history_;
  std::string setting_ = "ETA_HISTORY=" + history_.string();
  std::unique_ptr<Terminal> terminal_;
};

TEST_F(ReplTest, GivesValuesAndEndsAtCtrlD) {
  Expect("(+ 1 2)\r", "=> 3");
  Expect("(define x 5)\r", "eta> ");
  Expect("(* x 2)\r", "=> 10");
  Expect("", "eta> ");  // before it the terminal would take Ctrl-D for itself
  Expect(kCtrlD, "\n");
  EXPECT_EQ(terminal_->WaitForEnd(), 0);
}

TEST_F(ReplTest, AnEntryGoesOnUntilItIsComplete) {
  Expect("(define (twice x)\r", "\n");
  Expect("(* 2 x))\r", "eta> ");
  Expect("(twice 21)\r", "=> 42");
}

TEST_F(ReplTest, CompletesVisibleNames) {
  Expect("(define my-very-long-name 7)\r", "eta> ");
  Expect("my-ve\t\r", "=> 7");
  Expect("(hash-map-\t\t", "hash-map-assoc");
  Expect(kCtrlC, "^C");
  Expect(":he\t\r", ":disasm");
  Expect("(parameteri\t ((current-output-port (current-output-port))) 11)\r", "=> 11");
}

TEST_F(ReplTest, CtrlCStopsTheFormAndNotTheSession) {
  Expect("(define before 3)\r", "eta> ");
  terminal_->Type("(let loop ((i 0)) (if (= i 5) (display \"run\" ) #f) (loop (+ i 1)))\r");
  EXPECT_TRUE(terminal_->WaitFor("run\" )"));
  usleep(300000);
  Expect(kCtrlC, "interrupted");
  Expect("before\r", "=> 3");
  Expect(std::string("(car 'never-finished ") + kCtrlC, "^C");
  Expect("(+ before 1)\r", "=> 4");
}

TEST_F(ReplTest, ErrorsShowThePlaceAndTheSessionGoesOn) {
  Expect("(define (f) (car 5))\r", "eta> ");
  Expect("(f)\r", ":1:13]: car: not a pair");
  Expect("\r", "eta> ");
  Expect("(undefined-name)\r", "Undefined symbol: undefined-name");
  Expect("(+ 1 1)\r", "=> 2");
}

TEST_F(ReplTest, Commands) {
  Expect(":help\r", ":type FORM");
  Expect(":type (list 1)\r", "pair");
  Expect(":type car\r", "builtin procedure of 1 argument");
  Expect(":type 2.5\r", "float");
  Expect(":doc car\r", "(car pair): its first half");
  Expect(":doc sort\r", "std.collections");
  Expect(":time (+ 20 3)\r", "=> 23");
  Expect("", " ms, ");
  Expect(":disasm (lambda (x) (+ x 1))\r", "AddI");
  Expect(":hlep\r", "did you mean ':help'?");
  Expect(":type\r", ":type needs a FORM");
  Expect(":type (car 1)\r", "car: not a pair");
  terminal_->Type(":quit\r");
  EXPECT_EQ(terminal_->WaitForEnd(), 0);
}

TEST_F(ReplTest, RemembersEntriesFromSessionToSession) {
  Expect("(+ 100\r", "\n");
  Expect("11)\r", "=> 111");
  Expect("(exit 3)\r", "\n");
  EXPECT_EQ(terminal_->WaitForEnd(), 3);
  Start();
  Expect(std::string(kUp) + kUp + "\r", "=> 111");
}

}  // namespace
}  // namespace eta
