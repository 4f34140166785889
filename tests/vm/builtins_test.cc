#include "vm/builtins/builtins.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>

#include "tests/vm/test_vm.h"

namespace eta {
namespace {

constexpr size_t kLimit = 64 << 20;

std::vector<std::span<const NativeDef>> Families() {
  return {AtomBuiltins(),      CharacterBuiltins(), ControlBuiltins(), EnvironmentBuiltins(),
          ExactnessBuiltins(), FileBuiltins(),      HashMapBuiltins(), HashSetBuiltins(),
          ListBuiltins(),      MathBuiltins(),      NumberBuiltins(),  PathBuiltins(),
          PortBuiltins(),      PredicateBuiltins(), StringBuiltins(),  TextBuiltins(),
          TimeBuiltins(),      VectorBuiltins()};
}

Vm::Options WithLimit() {
  Vm::Options options;
  options.heap.limit_bytes = kLimit;
  return options;
}

TEST(BuiltinsTest, EachHasAUsageLine) {
  for (std::span<const NativeDef> family : Families()) {
    for (const NativeDef& def : family) {
      const std::string start = "(" + std::string(def.name);
      EXPECT_TRUE(def.doc.starts_with(start + " ") || def.doc.starts_with(start + ")")) << def.doc;
      EXPECT_NE(def.doc.find("): "), std::string_view::npos) << def.doc;
    }
  }
}

TEST(BuiltinsTest, EachChecksItsArguments) {
  // Called with as many procedures as it wants, no builtin may do anything but return or fail.
  TestVm vm;
  for (std::span<const NativeDef> family : Families()) {
    for (const NativeDef& def : family) {
      if (def.name == "exit" || def.name == "%time-pause-ms") continue;
      if (def.name == "raise-continuable") continue;
      Root callee(vm.heap(), vm.heap().Native(&def));
      const std::vector<Value> arguments(def.min_args, callee.get());
      const Value result = vm.vm().Call(callee, arguments);
      if (!result.IsFailure()) continue;
      const Vm::Pending pending = vm.vm().TakePending();
      EXPECT_EQ(pending.kind, Vm::Pending::Kind::kRuntime) << def.name;
    }
  }
}

TEST(NumbersTest, TheSmallestIntegerIsNoTrap) {
  TestVm vm;
  const std::string min = "-9223372036854775808";
  EXPECT_EQ(vm.Eval("(- " + min + ")"), "9.223372036854776e+18");
  EXPECT_EQ(vm.Eval("(abs " + min + ")"), "9.223372036854776e+18");
  EXPECT_EQ(vm.Eval("(/ " + min + " -1)"), "9.223372036854776e+18");
  EXPECT_EQ(vm.Eval("(%quotient " + min + " -1)"), "9.223372036854776e+18");
  EXPECT_EQ(vm.Eval("(modulo " + min + " -1)"), "0");
  EXPECT_EQ(vm.Eval("(remainder " + min + " -1)"), "0");
  EXPECT_EQ(vm.Eval("(%quotient " + min + " 2)"), "-4611686018427387904");
}

TEST(VectorsTest, TooLongAVectorIsAHeapError) {
  TestVm vm(WithLimit());
  EXPECT_EQ(vm.Eval("(car (cdr (catch 'runtime.heap-error (make-vector 10000000 0))))"),
            "runtime.heap-error");
  EXPECT_EQ(vm.Eval("(make-vector 1000000000000000 0)"),
            "error: make-vector: length must be a non-negative integer");
  EXPECT_EQ(vm.Eval("(vector-length (make-vector 1000000 0))"), "1000000");
}

TEST(VectorsTest, GarbageDoesNotCountAgainstTheLimit) {
  TestVm vm(WithLimit());
  EXPECT_EQ(vm.Eval("(let loop ((i 0) (v '()))"
                    "  (if (< i 50) (loop (+ i 1) (make-vector 4000000 i)) (vector-ref v 0)))"),
            "49");
}

TEST(StringsTest, TooLongAStringIsAHeapError) {
  TestVm vm(WithLimit());
  EXPECT_EQ(vm.Eval("(car (cdr (catch (let loop ((s \"ab\")) (loop (string-append s s))))))"),
            "runtime.heap-error");
}

TEST(FilesTest, TheLifeOfAFile) {
  TestVm vm;
  const char* program =
      "(define dir (temp-directory)) (define file (path-join dir \"a\"))"
      "(make-directory (path-join dir \"sub\")) (make-directory (path-join dir \"sub\"))"
      "(let ((out (open-output-file file))) (display \"12345\" out) (close-port out))"
      "(write (list (file-exists? file) (directory? file) (directory? dir) (file-size file)"
      "             (list-directory dir) (> (file-modification-time file) 1700000000000)))"
      "(delete-file file) (write (file-exists? file)) (delete-file file)";
  const std::string output = vm.Run(program);
  EXPECT_TRUE(output.starts_with("(#t #f #t 5 (\"a\" \"sub\") #t)#ferror ")) << output;
  EXPECT_NE(output.find("delete-file: could not delete: "), std::string::npos) << output;
  EXPECT_NE(output.find("No such file or directory"), std::string::npos) << output;
}

TEST(FilesTest, PathsAreStringsWithoutNulls) {
  TestVm vm;
  EXPECT_EQ(vm.Eval("(file-size 'name)"), "error: file-size: path must be a string");
  std::string path = "a";
  path += '\0';
  Root argument(vm.heap(), vm.vm().String(path));
  const Value arguments[] = {argument};
  const GlobalSlot slot = *vm.vm().FindBuiltin(vm.vm().names().Intern("file-size"));
  EXPECT_TRUE(vm.vm().Call(vm.vm().globals()[slot], arguments).IsFailure());
  EXPECT_EQ(vm.vm().TakePending().message, "file-size: path contains a null character");
}

TEST(EnvironmentTest, VariablesCanBeSetAndRemoved) {
  TestVm vm;
  EXPECT_EQ(vm.Run("(setenv! \"ETA_TEST_VARIABLE\" \"x=y\") (write (getenv \"ETA_TEST_VARIABLE\"))"
                   "(write (assoc \"ETA_TEST_VARIABLE\" (environment-variables)))"
                   "(unsetenv! \"ETA_TEST_VARIABLE\") (write (getenv \"ETA_TEST_VARIABLE\"))"),
            "\"x=y\"(\"ETA_TEST_VARIABLE\" . \"x=y\")#f");
  EXPECT_EQ(vm.Eval("(setenv! \"a=b\" \"c\")"), "error: setenv!: no possible variable name");
}

TEST(EnvironmentTest, ArgumentsAreTheProgramsOwn) {
  Vm::Options options;
  options.program_arguments = {"one", "--two"};
  EXPECT_EQ(TestVm(std::move(options)).Eval("(command-line-arguments)"), "(\"one\" \"--two\")");
}

TEST(TimeTest, LocalTimeHasItsOffset) {
  setenv("TZ", "EST5", 1);
  tzset();
  TestVm vm;
  EXPECT_EQ(vm.Eval("(%time-format-iso8601-local 0)"), "\"1969-12-31T19:00:00-05:00\"");
  EXPECT_EQ(vm.Eval("(cdr (assq 'offset-minutes (%time-local-parts 0)))"), "-300");
}

TEST(TimeTest, SleepingCanBeInterrupted) {
  TestVm vm;
  vm.vm().SetInterruptHook([](Vm& v) { return v.Terminate("woken"); });
  vm.vm().RequestInterrupt();
  EXPECT_EQ(vm.Eval("(%time-sleep-ms 1000000)"), "error: woken");
}

}  // namespace
}  // namespace eta
