// What is very long, very deep or without an end: it works, or ends as an error that a program can
// catch.
#include <gtest/gtest.h>

#include <string>

#include "tests/vm/test_vm.h"

namespace eta {
namespace {

constexpr std::string_view kCount =
    "(define (count n)"
    "  (do ((i 0 (+ i 1)) (items '() (cons i items))) ((= i n) items)))";

std::string Program(const std::string& text) { return std::string(kCount) + text; }

TEST(LimitsTest, ListsOfTenMillion) {
  TestVm vm;
  EXPECT_EQ(vm.Run(Program("(define items (count 10000000))"
                           "(display (length items))"
                           "(display (list (car (reverse items)) (length (map - items))))"
                           "(display (equal? items (append items '())))")),
            "10000000(0 10000000)#t");
}

TEST(LimitsTest, PrintsAListOfTenMillion) {
  TestVm vm;
  EXPECT_EQ(vm.Run(Program("(define port (open-output-string))"
                           "(write (count 10000000) port)"
                           "(display (string-length (get-output-string port)))")),
            "78888891");
}

TEST(LimitsTest, SpreadsAListOfAMillionOverACall) {
  TestVm vm;
  EXPECT_EQ(vm.Run(Program("(display (apply + (count 1000000)))")), "499999500000");
}

TEST(LimitsTest, ReadsAndPrintsDataAMillionDeep) {
  constexpr size_t kDepth = 1'000'000;
  const std::string datum = std::string(kDepth, '(') + "x" + std::string(kDepth, ')');
  TestVm vm;
  EXPECT_EQ(vm.Run("(write '" + datum + ")"), datum);
  EXPECT_EQ(vm.Run("(display (equal? '" + datum + " '" + datum + "))"), "#t");
  const std::string vectors = [] {
    std::string text;
    for (size_t i = 0; i < kDepth; ++i) text += "#(";
    return text + std::string(kDepth, ')');
  }();
  EXPECT_EQ(vm.Run("(write '" + vectors + ")"), vectors);
}

TEST(LimitsTest, RefusesProgramsNestedAMillionDeep) {
  std::string program;
  for (int i = 0; i < 1'000'000; ++i) program += "(+ 1 ";
  program += "0" + std::string(1'000'000, ')');
  TestVm vm;
  const std::string output = vm.Run(program);
  EXPECT_NE(output.find("nested"), std::string::npos) << output.substr(0, 1000);
}

TEST(LimitsTest, ComparisonsOfCyclesEnd) {
  TestVm vm;
  EXPECT_EQ(vm.Run("(define a (list 1 2)) (set-cdr! (cdr a) a)"
                   "(define b (list 1 2)) (set-cdr! (cdr b) b)"
                   "(display (equal? a b))"
                   "(define v (vector 1)) (vector-set! v 0 v)"
                   "(write (list a v))"
                   "(display (= (hash a) (hash b)))"),
            "#t(#0=(1 2 . #0#) #1=#(#1#))#t");
}

TEST(LimitsTest, ProceduresOfListsRefuseCycles) {
  TestVm vm;
  EXPECT_EQ(vm.Run("(define a (list 1 2)) (set-cdr! (cdr a) a)"
                   "(display (list (car (cdr (catch 'runtime.error (length a))))"
                   "               (car (cdr (catch 'runtime.error (map - a))))"
                   "               (car (cdr (catch 'runtime.error (reverse a))))))"),
            "(runtime.type-error runtime.type-error runtime.type-error)");
}

// The program goes on with the memory of what it let go.
TEST(LimitsTest, AFullHeapIsCaught) {
  TestVm vm({.heap = {.limit_bytes = size_t{64} << 20}});
  EXPECT_EQ(vm.Run(Program("(define (fill) (let loop ((items '())) (loop (cons 1 items))))"
                           "(define (try) (car (cdr (catch 'runtime.heap-error (fill)))))"
                           "(display (list (try) (try) (length (count 100000))))")),
            "(runtime.heap-error runtime.heap-error 100000)");
}

TEST(LimitsTest, AFullHeapIsCaughtWhateverFillsIt) {
  TestVm vm({.heap = {.limit_bytes = size_t{64} << 20}});
  EXPECT_EQ(vm.Run("(define (tag thunk) (car (cdr (catch 'runtime.heap-error (thunk)))))"
                   "(define (vectors) (let loop ((all '()))"
                   "  (loop (cons (make-vector 1000 0) all))))"
                   "(define (strings) (let loop ((s \"x\")) (loop (string-append s s))))"
                   "(define (closures) (let loop ((f (lambda () 0))) (loop (lambda () (f)))))"
                   "(define (maps) (let loop ((i 0) (m (make-hash-map)))"
                   "  (loop (+ i 1) (hash-map-assoc m i i))))"
                   "(define (numbers) (let loop ((all '()) (i 1000000000000000))"
                   "  (loop (cons i all) (+ i 1))))"
                   "(define (big-vector) (make-vector 100000000 0))"
                   "(display (map tag (list vectors strings closures maps numbers big-vector)))"),
            "(runtime.heap-error runtime.heap-error runtime.heap-error runtime.heap-error "
            "runtime.heap-error runtime.heap-error)");
}

// No more than that is made before a builtin can fail.
TEST(LimitsTest, LongListsOfBuiltinsAreRefused) {
  TestVm vm({.heap = {.limit_bytes = size_t{32} << 20}});
  EXPECT_EQ(vm.Run("(define (tag thunk) (car (cdr (catch 'runtime.heap-error (thunk)))))"
                   "(define text (make-string 3000000 #\\a))"
                   "(define vector (make-vector 1200000 0))"
                   "(display (list (tag (lambda () (string->list text)))"
                   "               (tag (lambda () (%vector->list vector)))"
                   "               (tag (lambda () (%regex-find-all \"a\" text)))"
                   "               (tag (lambda () (%regex-split \"a\" text)))))"),
            "(runtime.heap-error runtime.heap-error runtime.heap-error runtime.heap-error)");
  EXPECT_LT(vm.heap().stats().live_bytes, size_t{40} << 20);
}

// Nothing of these is allocated on the heap while they grow.
TEST(LimitsTest, WhatGrowsOutsideTheHeapFillsIt) {
  TestVm vm({.heap = {.limit_bytes = size_t{16} << 20}});
  EXPECT_EQ(vm.Run("(define (tag thunk) (car (cdr (catch 'runtime.heap-error (thunk)))))"
                   "(define (text) (let ((port (open-output-string)))"
                   "  (let loop () (display \"some more\" port) (loop))))"
                   "(define (bytes) (let ((port (open-output-bytevector)))"
                   "  (let loop () (write-u8 7 port) (loop))))"
                   "(define (rows) (let ((table (%make-fact-table 'a)))"
                   "  (let loop () (%fact-table-insert! table 1) (loop))))"
                   "(define (rules) (let ((table (%make-fact-table 'a)))"
                   "  (let loop () (%fact-table-insert-clause! table '(1) '()) (loop))))"
                   "(display (map tag (list text bytes rows rules)))"),
            "(runtime.heap-error runtime.heap-error runtime.heap-error runtime.heap-error)");
}

TEST(LimitsTest, AProgramGoesOnBesideAFullPort) {
  TestVm vm({.heap = {.limit_bytes = size_t{18} << 20}});
  EXPECT_EQ(vm.Run("(define port (open-output-string))"
                   "(define (fill) (display \"some more\" port) (fill))"
                   "(display (car (cdr (catch 'runtime.heap-error (fill)))))"
                   "(do ((i 0 (+ i 1))) ((= i 1000000)) (list i))"
                   "(display 'on)"),
            "runtime.heap-erroron");
}

// Symbols stay, so this program is not to be helped.
TEST(LimitsTest, NamesOfSymbolsFillTheHeap) {
  TestVm vm({.heap = {.limit_bytes = size_t{16} << 20}});
  const std::string output =
      vm.Run("(let loop ((i 0)) (string->symbol (number->string i)) (loop (+ i 1)))");
  EXPECT_NE(output.find("heap"), std::string::npos) << output;
  EXPECT_LT(vm.heap().stats().live_bytes, size_t{64} << 20);
}

TEST(LimitsTest, TextOfDeadPortsIsCollected) {
  TestVm vm({.heap = {.limit_bytes = size_t{64} << 20}});
  EXPECT_EQ(vm.Run("(define text (make-string 1000000 #\\a))"
                   "(do ((i 0 (+ i 1))) ((= i 500))"
                   "  (open-input-string text)"
                   "  (write-string text (open-output-string)))"
                   "(display 'done)"),
            "done");
  EXPECT_GT(vm.heap().stats().collections, 5u);
}

}  // namespace
}  // namespace eta
