#include "vm/interpreter.h"

#include <gtest/gtest.h>

#include <chrono>
#include <new>
#include <thread>

#include "tests/vm/test_vm.h"

namespace eta {
namespace {

// Natives that call back, as the rest of the project's rarely do.
Value CallBack(Vm& vm, Args args) { return vm.Call(args[0], args.subspan(1)); }
// Tells on the way out where what passes through was raised.
Value Watch(Vm& vm, Args args) {
  const Value result = vm.Call(args[0], {});
  if (result.IsFailure()) {
    const SourceSpan span = PendingSpan(vm, vm.pending());
    vm.console().WriteOut("line " + std::to_string(span.line) + " ");
  }
  return result;
}
Value Interrupt(Vm& vm, Args) {
  vm.RequestTermination("stopped by the test");
  return Value::Nil();
}
Value TakeAllMemory(Vm&, Args) { throw std::bad_alloc(); }
constexpr NativeDef kNatives[] = {
    {"test/call", CallBack, 1, kAnyCount, "(test/call f x ...)"},
    {"test/watch", Watch, 1, 1, "(test/watch f)"},
    {"test/no-memory", TakeAllMemory, 0, 0, "(test/no-memory)"},
    {"test/interrupt", Interrupt, 0, 0, "(test/interrupt)"},
};

class InterpreterTest : public testing::Test {
 protected:
  // What the program writes; or why it did not end.
  std::string Run(const std::string& text) {
    TestVm vm;
    vm.vm().DefineNatives(kNatives);
    const bool ok = vm.vm().RunText(text, "test.eta");
    vm.vm().heap().Verify();
    if (ok) return vm.streams().output;
    return vm.vm().diagnostic().message + vm.vm().pending().message;
  }
};

TEST_F(InterpreterTest, RecursesFiveMillionDeep) {
  EXPECT_EQ(Run("(define (down n) (if (= n 0) 0 (+ 1 (down (- n 1))))) (display (down 5000000))"),
            "5000000");
}

TEST_F(InterpreterTest, StackOverflowIsAnErrorThatCanBeCaught) {
  TestVm vm({.stack_bytes = size_t{1} << 20});
  EXPECT_EQ(vm.Run("(define (down n) (+ 1 (down n)))"
                   "(display (car (cdr (catch 'runtime.heap-error (down 1)))))"),
            "runtime.heap-error");
}

TEST_F(InterpreterTest, AnEndlessRecursionOfTheLibraryHasAPlaceInTheProgram) {
  TestVm vm({.stack_bytes = size_t{1} << 20});
  const std::string error = vm.Run("(define (down x) (map down (list x)))\n(down 1)");
  EXPECT_TRUE(error.find(":2:1]: stack overflow") != error.npos) << error;
}

// At any depth of natives that call back.
TEST_F(InterpreterTest, MemoryThatTheSystemRefusesIsAnErrorThatCanBeCaught) {
  const std::string caught = "(display (car (cdr (catch 'runtime.heap-error ";
  EXPECT_EQ(Run(caught + "(test/no-memory)))))"), "runtime.heap-error");
  EXPECT_EQ(Run(caught + "(test/call (lambda () (test/no-memory)))))))"), "runtime.heap-error");
  EXPECT_EQ(Run("(test/call (lambda () (test/no-memory)))"),
            "out of memory: the system gives no more");
  EXPECT_EQ(Run("(display (catch 'runtime.error (dynamic-wind (lambda () 1) test/no-memory"
                "                                (lambda () (display 'after)))))")
                .substr(0, 5),
            "after");
}

TEST_F(InterpreterTest, NativesCallBack) {
  EXPECT_EQ(Run("(display (test/call (lambda (x y) (+ x y)) 20 22))"), "42");
  EXPECT_EQ(Run("(display (test/call test/call (lambda (x) (* 2 x)) 21))"), "42");
}

TEST_F(InterpreterTest, ErrorsAndRaisesPassThroughNatives) {
  EXPECT_EQ(Run("(display (catch 'k (test/call (lambda () (raise 'k 7)))))"), "7");
  EXPECT_EQ(Run("(display (car (cdr (catch 'runtime.error (test/call (lambda () (car 1)))))))"),
            "runtime.type-error");
}

TEST_F(InterpreterTest, NativesKnowWhereARaiseThatIsCaughtHappened) {
  const std::string program = "\n(define (fail)\n  (raise 'k 7))\n";
  EXPECT_EQ(Run(program + "(display (catch 'k (test/watch fail)))"), "line 3 7");
  EXPECT_EQ(Run(program + "(display (catch (test/watch fail)))"), "line 3 7");
}

TEST_F(InterpreterTest, ContinuationsEscapeThroughNatives) {
  EXPECT_EQ(Run("(display (call/cc (lambda (k) (test/call (lambda () (k 9))) 1)))"), "9");
}

TEST_F(InterpreterTest, WindThunksRunWhenEscapesPassThroughNatives) {
  EXPECT_EQ(Run("(catch 'k (test/call (lambda () (dynamic-wind"
                " (lambda () (display 1)) (lambda () (raise 'k 0)) (lambda () (display 2))))))"),
            "12");
}

TEST_F(InterpreterTest, UnhandledErrorsRunNoWindThunks) {
  EXPECT_EQ(Run("(dynamic-wind (lambda () 0) (lambda () (car 1)) (lambda () (display 2)))"),
            "car: not a pair");
}

TEST_F(InterpreterTest, AnErrorInAnAfterThunkReplacesTheFirst) {
  EXPECT_EQ(Run("(display (catch 'b (catch 'a (dynamic-wind (lambda () 0)"
                " (lambda () (raise 'a 1)) (lambda () (raise 'b 2))))))"),
            "2");
}

// --- Continuations ------------------------------------------------------------------------------

TEST_F(InterpreterTest, ContinuationsAreReentrant) {
  EXPECT_EQ(Run("(define k #f) (define n 0) (display (+ 10 (call/cc (lambda (c) (set! k c) n)))) "
                "(set! n (+ n 1)) (if (< n 4) (k n))"),
            "10111213");
}

TEST_F(InterpreterTest, ReentryRestoresEveryFrame) {
  EXPECT_EQ(Run("(define k #f) (define n 0) "
                "(define (deep i) (if (= i 0) (call/cc (lambda (c) (set! k c) 0)) "
                "(+ 1 (deep (- i 1))))) "
                "(display (deep 100000)) (newline) (set! n (+ n 1)) (if (< n 3) (k n))"),
            "100000\n100001\n100002\n");
}

TEST_F(InterpreterTest, ReentryKeepsWhatWasAssigned) {
  EXPECT_EQ(Run("(define (f) (let ((i 0) (k #f)) (call/cc (lambda (c) (set! k c))) "
                "(set! i (+ i 1)) (if (< i 5) (k 0)) i)) (display (f))"),
            "5");
}

TEST_F(InterpreterTest, ReentryDoesNotDisturbOtherContinuations) {
  // Two coroutines over one list each, taking turns.
  EXPECT_EQ(Run("(define (walk xs yield) (for-each (lambda (x) (yield x)) xs) (yield 'end)) "
                "(define (generator xs) (define return #f) (define resume #f) "
                "  (define (yield x) (call/cc (lambda (k) (set! resume k) (return x)))) "
                "  (lambda () (call/cc (lambda (r) (set! return r) "
                "    (if resume (resume 0) (walk xs yield)))))) "
                "(define a (generator '(1 2 3))) (define b (generator '(x y))) "
                "(define (take n) (if (> n 0) (begin (display (a)) (display (b)) (take (- n 1))))) "
                "(take 3)"),
            "1x2y3end");
}

TEST_F(InterpreterTest, ReentryRunsWindThunks) {
  EXPECT_EQ(Run("(define k #f) (define n 0) "
                "(dynamic-wind (lambda () (display '<)) "
                "  (lambda () (dynamic-wind (lambda () (display \"[\")) "
                "    (lambda () (call/cc (lambda (c) (set! k c))) (display n)) "
                "    (lambda () (display \"]\"))))"
                "  (lambda () (display '>))) "
                "(set! n (+ n 1)) (if (< n 3) (k 0))"),
            "<[0]><[1]><[2]>");
}

TEST_F(InterpreterTest, MovingBetweenContinuationsLeavesCommonWindsAlone) {
  EXPECT_EQ(Run("(define k #f) (define n 0) (dynamic-wind (lambda () (display '<)) (lambda () "
                "  (dynamic-wind (lambda () (display \"[\")) "
                "    (lambda () (call/cc (lambda (c) (set! k c)))) (lambda () (display \"]\"))) "
                "  (set! n (+ n 1)) (if (< n 3) (k 0))) (lambda () (display '>)))"),
            "<[][][]>");
}

TEST_F(InterpreterTest, ReentryRestoresCatches) {
  EXPECT_EQ(Run("(define k #f) (define n 0) (display (catch 'x (begin "
                "(call/cc (lambda (c) (set! k c))) (set! n (+ n 1)) (raise 'x n)))) "
                "(if (< n 3) (k 0))"),
            "123");
}

TEST_F(InterpreterTest, ReentryFromCallbacksOfBuiltins) {
  EXPECT_EQ(Run("(define k #f) (define n 0) "
                "(display (map (lambda (x) (if (= x 2) (call/cc (lambda (c) (set! k c) 'two)) x)) "
                "'(1 2 3))) (set! n (+ n 1)) (if (< n 3) (k n))"),
            "(1 two 3)(1 1 3)(1 2 3)");
}

TEST_F(InterpreterTest, AContinuationThroughANativeCallEndsWithIt) {
  EXPECT_EQ(Run("(define k #f) (test/call (lambda () (call/cc (lambda (c) (set! k c))))) (k 1)"),
            "continuation: a native procedure on its way has returned in the meantime");
  EXPECT_EQ(Run("(define k #f) (define n 0) (test/call (lambda () (call/cc (lambda (c) "
                "(set! k c))) (set! n (+ n 1)) (if (< n 3) (k 0)))) (display n)"),
            "3");
}

TEST_F(InterpreterTest, NativesAreLeftForAContinuationBelowThem) {
  EXPECT_EQ(Run("(define k #f) (define n 0) (call/cc (lambda (c) (set! k c))) (set! n (+ n 1)) "
                "(if (< n 3) (test/call (lambda () (k 0)))) (display n)"),
            "3");
}

TEST_F(InterpreterTest, ContinuationsOutliveAnErrorThatLeftThem) {
  EXPECT_EQ(Run("(define k #f) (define n 0) (define (f) (+ 1 (call/cc (lambda (c) (set! k c) "
                "(error \"away\"))))) (display (catch (begin (f)))) (set! n (+ n 1)) "
                "(if (< n 3) (k n))")
                .substr(0, 14),
            "(runtime-error");
}

TEST_F(InterpreterTest, TracesSeeThroughSharedFrames) {
  EXPECT_EQ(Run("(define k #f) (define (f) (call/cc (lambda (c) (set! k c))) (error \"e\") 1) "
                "(define (g) (+ 1 (f))) "
                "(define (names e) (map (lambda (frame) (car (cdr frame))) "
                "(car (cdr (cdr (cdr (cdr e))))))) (display (names (catch (begin (g)))))"),
            "(f g test_init)");
}

TEST_F(InterpreterTest, TerminationPassesEveryHandler) {
  EXPECT_EQ(Run("(catch (begin (test/interrupt) (let loop () (loop))))"), "stopped by the test");
}

TEST_F(InterpreterTest, EndlessLoopsHeedOtherThreads) {
  for (const char* text :
       {"(let loop () (loop))", "(define (f) (g)) (define (g) (f)) (f)", "(do () (#f))",
        "(do ((i 0 (+ i 1))) ((< i 0)))", "(let loop ((i 0)) (if (>= i 0) (loop (+ i 1)) i))",
        "(let loop ((l '())) (if (null? l) (loop l) l))"}) {
    TestVm vm;
    std::thread other([&] {
      std::this_thread::sleep_for(std::chrono::milliseconds(30));
      vm.vm().RequestTermination("enough");
    });
    EXPECT_FALSE(vm.vm().RunText(text, "test.eta"));
    other.join();
    EXPECT_EQ(vm.vm().pending().message, "enough");
  }
}

TEST_F(InterpreterTest, LoopsGiveEachIterationItsOwnVariables) {
  EXPECT_EQ(Run("(define fs (let loop ((i 0) (acc '()))"
                "  (if (= i 3) acc (loop (+ i 1) (cons (lambda () (set! i (+ i 10)) i) acc)))))"
                "(for-each (lambda (f) (f) (display (f)) (display \" \")) fs)"),
            "22 21 20 ");
}

TEST_F(InterpreterTest, LoopVariablesAreComputedFromTheOldOnes) {
  EXPECT_EQ(Run("(display (let loop ((a 0) (b 1) (n 10))"
                " (if (= n 0) a (loop b (+ a b) (- n 1)))))"),
            "55");
  EXPECT_EQ(Run("(define (f a b n) (if (= n 0) (list a b) (f (+ b 1) (+ a 1) (- n 1))))"
                "(display (f 0 100 3))"),
            "(103 3)");
  EXPECT_EQ(Run("(display (do ((i 0 (+ i 1)) (last 'none i) (all '() (cons i all)))"
                "  ((= i 4) (list last all))))"),
            "(3 (3 2 1 0))");
  EXPECT_EQ(Run("(display (let loop ((a 1) (b 2) (c 3) (n 4))"
                "  (if (> n 0) (loop b c a (- n 1)) (list a b c))))"),
            "(2 3 1)");
}

TEST_F(InterpreterTest, LoopsEndWhenTheirTestSaysSo) {
  for (const char* test :
       {"(< i n)", "(<= i (- n 1))", "(> n i)", "(>= (- n 1) i)", "(not (= i n))", "(pair? l)",
        "(not (null? l))", "(and (< i n) (pair? l))"}) {
    EXPECT_EQ(Run(std::string("(define (count n) (let loop ((i 0) (l '(a b c)))"
                              "  (if ") +
                  test + " (loop (+ i 1) (cdr l)) i))) (display (count 3))"),
              "3")
        << test;
  }
  EXPECT_EQ(Run("(display (let loop ((i 0.0)) (if (< i (/ 0.0 1.0)) (loop i) 'never)))"), "never");
  EXPECT_EQ(Run("(define nan (- (* 1e308 10) (* 1e308 10)))"
                "(display (let loop ((n 0) (x 1)) (if (< x 3) (loop (+ n 1) (* x nan)) n)))"),
            "1");
  EXPECT_EQ(Run("(define nan (- (* 1e308 10) (* 1e308 10)))"
                "(display (let loop ((n 0) (x nan)) (if (>= x 3) n (if (= n 5) 'five"
                "  (loop (+ n 1) x)))))"),
            "five");
}

TEST_F(InterpreterTest, ReassignedProceduresAreNotTakenForLoops) {
  EXPECT_EQ(Run("(define (f n) (if (= n 0) 'old (f (- n 1))))"
                "(define g f) (set! f (lambda (n) 'new)) (display (g 5))"),
            "new");
}

TEST_F(InterpreterTest, CallsWithVeryManyArguments) {
  std::string numbers;
  for (int i = 1; i <= 1000; ++i) numbers += " " + std::to_string(i);
  EXPECT_EQ(Run("(display (+" + numbers + "))"), "500500");
  EXPECT_EQ(Run("(define (f . xs) (length xs)) (display (f" + numbers + "))"), "1000");
  EXPECT_EQ(Run("(display (length (apply list 0 (list" + numbers + "))))"), "1001");
}

TEST_F(InterpreterTest, RefusesProceduresWithTooManyRegisters) {
  std::string bindings;
  for (int i = 0; i < 300; ++i) bindings += "(v" + std::to_string(i) + " (car '(1)))";
  EXPECT_EQ(Run("(let (" + bindings + ") v0)"), "this procedure needs too many registers");
}

TEST_F(InterpreterTest, HeapLimitIsAnErrorThatCanBeCaught) {
  TestVm vm({.heap = {.limit_bytes = size_t{64} << 20}});
  EXPECT_TRUE(
      vm.vm().RunText("(display (car (cdr (catch 'runtime.heap-error"
                      " (let loop ((xs '())) (loop (cons xs xs)))))))",
                      "test.eta"));
  EXPECT_EQ(vm.streams().output, "runtime.heap-error");
}

}  // namespace
}  // namespace eta
