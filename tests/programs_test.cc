// The programs, run as a user runs them.
#include <gtest/gtest.h>

#include <chrono>
#include <csignal>
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
            "  ---\n  message: expected 1 but got 2\n  expected: 1\n  actual: 2\n"
            "  file: a.test.eta\n  line: 1\n  ...\n"
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

TEST_F(ProgramsTest, EtaTestRunsFilesAtOnceAndReportsThemInOrder) {
  for (int i = 10; i < 30; ++i) {
    const std::string name = std::to_string(i);
    Write(name + ".test.eta", "(display \"ok 1 - t" + name + "\\n\")");
  }
  const Outcome outcome = EtaTest("--jobs 4");
  EXPECT_EQ(outcome.status, 0) << outcome.errors;
  EXPECT_EQ(outcome.output, EtaTest("--jobs 1").output);
  EXPECT_NE(outcome.output.find("ok 20 - t29"), std::string::npos) << outcome.output;
  EXPECT_NE(outcome.errors.find("20 tests in 20 files, 20 passed, 0 failed"), std::string::npos)
      << outcome.errors;
  EXPECT_EQ(EtaTest("--jobs 0").status, 1);
}

TEST_F(ProgramsTest, EtaTestFilters) {
  Write("a.test.eta", kOneOfTwoFails);
  Write("b.test.eta", "(display \"ok 1 - other\\n\")");
  Write("c.test.eta", "(car 1)");
  EXPECT_EQ(EtaTest("--filter right").output,
            "TAP version 13\n1..2\nok 1 - right\nnot ok 2 - c.test.eta (load error)\n");
  const Outcome by_file = EtaTest("--timing --filter b.test");
  EXPECT_NE(by_file.output.find("ok 1 - other"), std::string::npos) << by_file.output;
  EXPECT_NE(by_file.errors.find(" s  b.test.eta\n"), std::string::npos) << by_file.errors;
}

TEST_F(ProgramsTest, EtaTestTimesSingleTests) {
  Write("a.test.eta",
        "(import std.test std.time) (print-tap (run (make-group \"g\" (list "
        "(make-test \"slow\" (lambda () (time:sleep-ms 30))) "
        "(make-test \"fast\" (lambda () 1))))))");
  const std::string times = EtaTest("--timing").errors;
  const size_t slow = times.find(" s    slow\n"), fast = times.find(" s    fast\n");
  ASSERT_NE(fast, std::string::npos) << times;
  EXPECT_LT(slow, fast) << "longest first: " << times;
  EXPECT_GE(std::stod(times.substr(slow - 6, 6)), 0.03) << times;
  const std::string junit = EtaTest("--format junit").output;
  EXPECT_NE(junit.find("<testcase name=\"slow\" time=\"0.0"), std::string::npos) << junit;
}

TEST_F(ProgramsTest, EtaTestIsFastOnManyFiles) {
  for (int i = 0; i < 200; ++i) {
    Write("t" + std::to_string(i) + ".test.eta",
          "(import std.test) (print-tap (run (make-test \"t\" (lambda () (assert-true #t)))))");
  }
  const auto start = std::chrono::steady_clock::now();
  EXPECT_EQ(EtaTest("--jobs 2").status, 0);
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
#ifdef NDEBUG
  EXPECT_LT(took.count(), 10) << "it should take two seconds on a quiet machine";
#else
  EXPECT_LT(took.count(), 60);
#endif
}

// --- etai -------------------------------------------------------------------------------------

TEST_F(ProgramsTest, EtaiRunsTextsAndStandardInput) {
  const Outcome text = RunProgram("etai", "-e '(display (list 1 (command-line-arguments)))' a --b");
  EXPECT_EQ(text.output, "(1 (a --b))") << text.errors;
  const Outcome broken = RunProgram("etai", "-e '(car 1)'");
  EXPECT_EQ(broken.status, 1);
  EXPECT_NE(broken.errors.find("[-e:1:1]: car: not a pair"), std::string::npos) << broken.errors;
  Write("input", "(import std.io)\n(println (read-line))\nnot-bound");
  const std::string input = (root_ / "input").string();
  const Outcome read = RunCommand("./etai - <" + input);
  EXPECT_NE(read.errors.find("[stdin:3:1]: Undefined symbol: not-bound"), std::string::npos);
  const Outcome replicas =
      RunProgram("etai", "--replicas 2 -e '(import std.parallel) (display (world-size))'");
  EXPECT_EQ(replicas.output, "2") << replicas.errors;
}

TEST_F(ProgramsTest, ReplicasMayChangeTheDirectoryAtOnce) {
  fs::create_directories(root_ / "dd" / "ee");
  fs::create_directory(root_ / "lib");
  Write("lib/far.eta", "(module far (import near) (export f) (define (f) (g)))");
  Write("near.eta",
        "(module near (import std.io) (export g)"
        " (define (g) (println (current-directory))))");
  Write("p.eta", "(import far) (change-directory! \"dd\") (change-directory! \"ee\") (f)");
  const std::string run = "etai=$PWD/etai; cd " + root_.string() + " && $etai --path lib ";
  const std::string there = (fs::canonical(root_) / "dd" / "ee").string() + "\n";
  EXPECT_EQ(RunCommand(run + "p.eta").output, there);
  for (int i = 0; i < 5; ++i) {
    const Outcome outcome = RunCommand(run + "--replicas 3 p.eta");
    EXPECT_EQ(outcome.output, there) << outcome.errors;
  }
}

TEST_F(ProgramsTest, OutputThatGetsLostIsAnError) {
  const std::string error = "error: could not write to standard output: ";
  // Less than is buffered, and more.
  for (const std::string length : {"3", "100000"}) {
    Write("p.eta", "(display (make-string " + length + " #\\a))");
    for (const std::string options : {"", "--replicas 2 ", "--replicas 2 --output all "}) {
      const std::string command = "./etai " + options + (root_ / "p.eta").string();
      const Outcome full = RunCommand("(" + command + " >/dev/full)");
      EXPECT_EQ(full.status, 1) << command;
      EXPECT_EQ(WithoutPlacement(full.errors), error + "No space left on device\n") << command;
      const Outcome closed = RunCommand("(" + command + " >&-)");
      EXPECT_EQ(closed.status, 1) << command;
      EXPECT_EQ(WithoutPlacement(closed.errors), error + "Bad file descriptor\n") << command;
    }
  }
  for (const std::string command : {"./etai --help", "./etac --help", "./eta_fmt --help",
                                    "./eta_test --help", "./eta_repl --help"}) {
    const Outcome outcome = RunCommand("(" + command + " >/dev/full)");
    EXPECT_EQ(outcome.errors, error + "No space left on device\n") << command;
    EXPECT_EQ(outcome.status, 1) << command;
  }
  EXPECT_EQ(RunCommand("(./etai -e '(exit 3)' >&-)").status, 3) << "nothing got lost";
  EXPECT_EQ(RunCommand("(./etai -e '(display 1) (exit 3)' >/dev/full)").status, 3);
}

// A file that nobody closes is written when it is dropped, or at the end.
TEST_F(ProgramsTest, WhatAFileDoesNotTakeIsAnError) {
  const std::string error = "error: could not write to /dev/full: No space left on device\n";
  Write("end.eta", "(define p (open-output-file \"/dev/full\")) (display 1 p) (display 2)");
  Write("dropped.eta",
        "(define (again n) (make-vector 10000 n) (if (> n 0) (again (- n 1))))"
        "(display 1 (open-output-file \"/dev/full\")) (again 10000) (display 2)");
  Write("told.eta",
        "(define p (open-output-file \"/dev/full\"))"
        "(catch 'runtime.type-error (display (make-string 100000 #\\a) p)) (display 2)");
  for (const std::string options : {"", "--replicas 2 "}) {
    const std::string run = "./etai " + options + root_.string();
    for (const std::string program : {"/end.eta", "/dropped.eta"}) {
      const Outcome lost = RunCommand(run + program);
      EXPECT_EQ(lost.status, 1) << program;
      EXPECT_EQ(lost.output, "2") << program;
      EXPECT_NE(lost.errors.find(error), std::string::npos) << lost.errors;
    }
    EXPECT_EQ(RunCommand(run + "/told.eta").status, 0);
  }
}

TEST_F(ProgramsTest, AFileThatMayNotGrowIsAnError) {
  Write("p.eta", "(define p (open-output-file \"" + (root_ / "out").string() +
                     "\")) (display (make-string 100000 #\\a) p) (close-port p)");
  const Outcome outcome = RunCommand("(ulimit -f 8; ./etai " + (root_ / "p.eta").string() + ")");
  EXPECT_NE(outcome.errors.find("could not write: File too large"), std::string::npos)
      << outcome.errors;
  EXPECT_EQ(outcome.status, 1);
}

TEST_F(ProgramsTest, DroppedFilesMakeRoomForOthers) {
  Write("p.eta",
        "(define (again n) (open-input-file \"/dev/null\") (if (> n 0) (again (- n 1))))"
        "(again 500) (display 'done)");
  const Outcome outcome = RunCommand("(ulimit -n 100; ./etai " + (root_ / "p.eta").string() + ")");
  EXPECT_EQ(outcome.output, "done") << outcome.errors;
}

TEST_F(ProgramsTest, AListThatOutgrowsTheAddressSpaceIsAnError) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  GTEST_SKIP() << "a sanitizer takes more addresses than that";
#endif
  Write("p.eta",
        "(define (grow items n) (if (= n 0) items (grow (cons n items) (- n 1))))"
        "(display (length (catch 'runtime.heap-error (grow '() 100000000))))");
  const auto run = [&](const std::string& space, const std::string& heap_limit) {
    return RunCommand("(ulimit -v " + space + "; " + heap_limit + " ./etai " +
                      (root_ / "p.eta").string() + ")");
  };
  const Outcome limited = run("1000000", "");
  EXPECT_EQ(limited.output, "5") << limited.errors;
  // The program was allowed more than there is.
  const std::string refused = "out of memory: the system gives no more\n";
  const Outcome grown = run("1000000", "ETA_HEAP_SOFT_LIMIT=2G");
  EXPECT_EQ(grown.errors.find("error [p.eta:1:1]: " + refused), 0u) << grown.errors;
  EXPECT_EQ(grown.status, 1);
  const Outcome none = run("400000", "ETA_HEAP_SOFT_LIMIT=8G");
  EXPECT_EQ(none.errors, "error: " + refused);
  EXPECT_EQ(none.status, 1);
}

TEST_F(ProgramsTest, AReaderThatHasGoneIsNoError) {
  Write("p.eta",
        "(define (again n) (display \"line\\n\") (if (> n 0) (again (- n 1)))) (again 50000)");
  const std::string run = "./etai " + (root_ / "p.eta").string();
  const Outcome ended = RunCommand("((" + run + "; echo $? >&2) | head -1)");
  EXPECT_EQ(ended.errors, std::to_string(128 + SIGPIPE) + "\n");
  const Outcome ignored = RunCommand("((trap '' PIPE; " + run + "; echo $? >&2) | head -1)");
  EXPECT_EQ(ignored.errors, "0\n");
}

TEST_F(ProgramsTest, EtaiChecksWithoutRunning) {
  Write("lib.eta", "(module lib (export f) (define (f) 1) (display \"never\"))");
  Write("good.eta", "(import lib) (display (f))");
  const std::string good = (root_ / "good.eta").string(), bad = (root_ / "bad.eta").string();
  const Outcome fine = RunProgram("etai", "--check " + good);
  EXPECT_EQ(fine.status, 0) << fine.errors;
  EXPECT_EQ(fine.output + fine.errors, "");
  Write("bad.eta", "(define (f) (gg))\n(display 1)\n(define (h) (displya (undefined-too)))\n");
  const Outcome undefined = RunProgram("etai", "--check " + bad);
  EXPECT_EQ(undefined.status, 1);
  EXPECT_NE(undefined.errors.find("bad.eta:1:14]: Undefined symbol: gg"), std::string::npos);
  EXPECT_NE(undefined.errors.find("bad.eta:3:23]: Undefined symbol: undefined-too"),
            std::string::npos)
      << undefined.errors;
  Write("bad.eta", "(if)\n(define x 1)\n(let ((a)) a)\n");
  const Outcome malformed = RunProgram("etai", "--check " + bad);
  EXPECT_NE(malformed.errors.find("bad.eta:1:1]: if: expected"), std::string::npos);
  EXPECT_NE(malformed.errors.find("bad.eta:3:7]: a binding must be"), std::string::npos)
      << malformed.errors;
}

TEST_F(ProgramsTest, EtaiChecksHowManyArgumentsKnownProceduresTake) {
  Write("p.eta",
        "(define (f x) (car x 1))\n"
        "(define (g . xs) (f))\n"
        "(define (later) 1)\n"
        "(set! later car)\n"
        "(later 1 2 3)\n"
        "(let ((local (lambda (a b) a))) (local 1))\n"
        "(display (catch 'runtime.invalid-arity (car 1 2)))\n"
        "(display (guard (e (#t 0)) (f)))\n"
        "(g) (g 1 2) (f '(1)) (map f)\n");
  const Outcome outcome = RunProgram("etai", "--check " + (root_ / "p.eta").string());
  EXPECT_EQ(outcome.status, 1);
  EXPECT_EQ(outcome.errors,
            "error [p.eta:1:15]: Wrong number of arguments for 'car': expected 1, got 2\n"
            "  (define (f x) (car x 1))\n"
            "                ^^^^^^^^^\n"
            "error [p.eta:2:18]: Wrong number of arguments for 'f': expected 1, got 0\n"
            "  (define (g . xs) (f))\n"
            "                   ^^^\n"
            "error [p.eta:6:33]: Wrong number of arguments for 'local': expected 2, got 1\n"
            "  (let ((local (lambda (a b) a))) (local 1))\n"
            "                                  ^^^^^^^^^\n"
            "error [p.eta:9:22]: Wrong number of arguments for 'map': expected 2, got 1\n"
            "  (g) (g 1 2) (f '(1)) (map f)\n"
            "                       ^^^^^^^\n");
}

TEST_F(ProgramsTest, UncaughtErrorsShowWhereTheProgramCameFrom) {
  Write("p.eta",
        "(define (f n)\n"
        "  (if (= n 0) (car 5) (+ 1 (f (- n 1)))))\n"
        "(define (g n)\n"
        "  (+ 1 (f n)))\n"
        "(display (g 5))\n");
  EXPECT_EQ(RunProgram("etai", (root_ / "p.eta").string()).errors,
            "error [p.eta:2:15]: car: not a pair\n"
            "    (if (= n 0) (car 5) (+ 1 (f (- n 1)))))\n"
            "                ^^^^^^^\n"
            "  in f (p.eta:2:15)\n"
            "  in f (p.eta:2:28)\n"
            "  ... 4 times more\n"
            "  in g (p.eta:4:8)\n"
            "  in p_init (p.eta:5:10)\n");
}

TEST_F(ProgramsTest, EtaiDumpsEveryStage) {
  Write("p.eta", "(define (f x) (when x (set! x 1)) x)\n(display (f 2))");
  const std::string file = (root_ / "p.eta").string();
  const auto dump = [&](const std::string& stage) {
    const Outcome outcome = RunProgram("etai", "--dump=" + stage + " " + file);
    EXPECT_EQ(outcome.status, 0) << outcome.errors;
    return outcome.output;
  };
  EXPECT_EQ(dump("reader"), "(define (f x) (when x (set! x 1)) x)\n(display (f 2))\n");
  EXPECT_NE(dump("expander").find("(if x (set! x 1) (quote ()))"), std::string::npos);
  EXPECT_NE(dump("analyzer").find("\n      procedure f (x*)\n"), std::string::npos)
      << dump("analyzer");
  EXPECT_NE(dump("bytecode").find("f  (1 arguments, "), std::string::npos) << dump("bytecode");
  EXPECT_NE(RunProgram("etai", "--dump=bytcode " + file).errors.find("expected reader or"),
            std::string::npos);
}

// --- etac -------------------------------------------------------------------------------------

TEST_F(ProgramsTest, CompiledProgramsRunAsTheirTextsDo) {
  Write("p.eta", "(display \"out \")\n(define (f x)\n  (car x))\n(f 5)\n");
  const std::string file = (root_ / "p.eta").string(), image = file + "c";
  const Outcome compiled = RunProgram("etac", file);
  EXPECT_EQ(compiled.status, 0) << compiled.errors;
  EXPECT_EQ(compiled.errors, "compiled " + file + " > " + image + " (2 functions, 1 module(s))\n");
  const Outcome text = RunProgram("etai", file), loaded = RunProgram("etai", image);
  EXPECT_EQ(loaded.output, "out ");
  EXPECT_EQ(loaded.errors, text.errors);
  EXPECT_EQ(loaded.status, 1);
  const Outcome replicas = RunProgram("etai", "--replicas 2 " + image);
  EXPECT_NE(replicas.errors.find("p.eta:3:3]: car: not a pair"), std::string::npos)
      << replicas.errors;
}

TEST_F(ProgramsTest, ImagesCanDoWithoutPlaces) {
  Write("p.eta", "(define (f x)\n  (car x))\n(display (catch 'runtime.error (f 1)))\n(f 5)\n");
  const std::string file = (root_ / "p.eta").string(), image = file + "c";
  EXPECT_EQ(RunProgram("etac", file).status, 0);
  const auto with_places = fs::file_size(image);
  EXPECT_EQ(RunProgram("etac", "-O0 --no-prelude --no-debug " + file).status, 0);
  EXPECT_LT(fs::file_size(image), with_places);
  const Outcome outcome = RunProgram("etai", image);
  EXPECT_NE(outcome.output.find("(runtime-error runtime.type-error car: not a pair (span 0"),
            std::string::npos)
      << outcome.output;
  EXPECT_EQ(outcome.errors, "error: car: not a pair\n");
}

TEST_F(ProgramsTest, StrictShadowsRefusesAModuleInTwoPlaces) {
  Write("p.eta", "(import lib) (display x)");
  Write("lib.eta", "(module lib (export x) (define x 'beside))");
  fs::create_directory(root_ / "other");
  Write("other/lib.eta", "(module lib (export x) (define x 'other))");
  const std::string file = (root_ / "p.eta").string();
  const std::string path = "--path " + (root_ / "other").string() + " ";
  EXPECT_EQ(RunProgram("etai", path + file).output, "other");
  EXPECT_EQ(RunProgram("etai", "--strict-shadows " + file).output, "beside");
  const Outcome refused = RunProgram("etai", "--strict-shadows " + path + file);
  EXPECT_EQ(refused.status, 1);
  EXPECT_NE(refused.errors.find("module lib is in more than one place: "), std::string::npos)
      << refused.errors;
}

TEST_F(ProgramsTest, StaleAndDamagedImagesAreRefused) {
  Write("p.eta", "(import lib) (display (f))");
  Write("lib.eta", "(module lib (export f) (define (f) 1))");
  const std::string file = (root_ / "p.eta").string(), image = file + "c";
  EXPECT_EQ(RunProgram("etac", file).status, 0);
  EXPECT_EQ(RunProgram("etai", image).output, "1");
  Write("lib.eta", "(module lib (export f) (define (f) 2))");  // the same names
  EXPECT_EQ(RunProgram("etai", image).output, "2");
  Write("lib.eta", "(module lib (export f g) (define (f) 2) (define g 3))");
  const auto why = [&] {
    const Outcome outcome = RunProgram("etai", image);
    EXPECT_EQ(outcome.status, 1);
    EXPECT_EQ(outcome.output, "");
    return outcome.errors;
  };
  EXPECT_EQ(why(),
            "error: cannot use p.etac: it is stale: lib exports other names than when it was "
            "compiled\n");
  Write("p.eta", "(import lib) (display (g))");
  EXPECT_EQ(why(),
            "error: cannot use p.etac: it is stale: p.eta has changed since it was compiled\n");
  EXPECT_EQ(RunProgram("etac", file).status, 0);
  std::string bytes = ReadWhole(image);
  bytes[bytes.size() / 2] ^= 1;
  Write("p.etac", bytes);
  EXPECT_EQ(why(), "error: cannot use p.etac: it is damaged: its checksum is wrong\n");
  Write("p.etac", "(display 1)");
  EXPECT_EQ(why(), "error: cannot use p.etac: it is no compiled program\n");
}

TEST_F(ProgramsTest, ImagesOfModulesAreUsedAsLongAsTheyAreFresh) {
  Write("p.eta", "(import lib) (display (f))");
  Write("lib.eta", "(module lib (export f) (define (f) 1))");
  const std::string file = (root_ / "p.eta").string(), library = (root_ / "lib.eta").string();
  EXPECT_EQ(RunProgram("etac", library).status, 0);
  fs::rename(library, root_ / "away");
  EXPECT_EQ(RunProgram("etai", file).output, "1");  // of the image alone
  Write("lib.eta", "(module lib (export f) (define (f) 2))");
  EXPECT_EQ(RunProgram("etai", file).output, "2");  // the text is newer
  fs::remove(library);
  Write("lib.etac", "garbage");
  EXPECT_NE(RunProgram("etai", file).errors.find("cannot use lib.etac: it is no compiled program"),
            std::string::npos);
}

TEST_F(ProgramsTest, WhatIsCompiledIsNoSourceText) {
  Write("p.eta", "(display 1)");
  const std::string image = (root_ / "p.etac").string();
  EXPECT_EQ(RunProgram("etac", (root_ / "p.eta").string()).status, 0);
  const std::string error =
      "error: " + image + " is compiled already; this needs its source text\n";
  for (const std::string option : {"--check ", "--dump=bytecode "}) {
    const Outcome outcome = RunProgram("etai", option + image);
    EXPECT_EQ(outcome.status, 1);
    EXPECT_EQ(outcome.errors, error);
  }
  EXPECT_EQ(RunProgram("etac", "-o " + (root_ / "other").string() + " " + image).errors, error);
}

TEST_F(ProgramsTest, EtacReportsAllErrorsAndWritesNothing) {
  Write("p.eta", "(if)\n(let ((a)) a)\n");
  const std::string file = (root_ / "p.eta").string();
  const Outcome outcome = RunProgram("etac", file);
  EXPECT_EQ(outcome.status, 1);
  EXPECT_NE(outcome.errors.find("p.eta:2:7]"), std::string::npos) << outcome.errors;
  EXPECT_FALSE(fs::exists(file + "c"));
  EXPECT_EQ(RunProgram("etac", "--outptu x " + file).errors,
            "error: unknown option: --outptu (did you mean '--output'?); etac --help lists the "
            "options\n");
}

// --- eta_fmt ----------------------------------------------------------------------------------

TEST_F(ProgramsTest, EtaFmtFormatsFilesInPlace) {
  Write("a.eta", "(f   1)\n");
  Write("b.eta", "(f 1)\n");
  const std::string a = (root_ / "a.eta").string();
  const Outcome check = RunProgram("eta_fmt", "--check " + root_.string());
  EXPECT_EQ(check.status, 1);
  EXPECT_EQ(check.output, "would change " + a + "\n");
  EXPECT_EQ(RunProgram("eta_fmt", root_.string()).output, "formatted " + a + "\n");
  EXPECT_EQ(ReadWhole(a), "(f 1)\n");
  EXPECT_EQ(RunProgram("eta_fmt", "--check " + root_.string()).status, 0);
  Write("c.eta", "(f");
  const Outcome broken = RunProgram("eta_fmt", root_.string());
  EXPECT_EQ(broken.status, 1);
  EXPECT_NE(broken.errors.find("c.eta:1:1]: unclosed list"), std::string::npos) << broken.errors;
  EXPECT_EQ(ReadWhole(root_ / "c.eta"), "(f");
}

}  // namespace
}  // namespace eta
