#include "vm/loader.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <string>

#include "tests/support/temporary_folder.h"
#include "vm/diagnostics.h"
#include "vm/module_path.h"
#include "vm/vm.h"

namespace eta {
namespace {

namespace fs = std::filesystem;

class StringConsole : public Console {
 public:
  explicit StringConsole(std::string* output) : output_(output) {}
  void WriteOut(std::string_view bytes) override { output_->append(bytes); }
  void WriteError(std::string_view bytes) override { output_->append(bytes); }
  void Flush() override {}
  std::string ReadLine() override { return ""; }

 private:
  std::string* output_;
};

class LoaderTest : public testing::Test {
 protected:
  std::string Write(const std::string& path, const std::string& text) {
    return root_.Write(path, text);
  }

  void Start(std::vector<std::string> search_path = {}, bool stress = true) {
    Vm::Options options;
    options.heap.stress = stress;
    options.search_path = std::move(search_path);
    options.console = std::make_unique<StringConsole>(&output_);
    options.listing = &listing_;
    vm_ = std::make_unique<Vm>(std::move(options));
  }

  // What running the file prints, and its error.
  std::string Run(const std::string& file) {
    if (!vm_) Start();
    const bool ran = vm_->RunFile(file);
    return output_ + (ran ? "" : RenderFailure(*vm_, {}));
  }
  std::string RunText(std::string_view text) {
    if (!vm_) Start();
    output_.clear();
    const bool ran = vm_->RunText(text, "text");
    return output_ + (ran ? "" : RenderFailure(*vm_, {}));
  }

  // The number that a submission yields, or its error.
  std::string Submit(std::string_view text) {
    if (!vm_) Start();
    Value result;
    if (!vm_->RunSubmission(text, "prompt", &result)) {
      const std::string failure = RenderFailure(*vm_, {});
      vm_->TakePending();
      return failure.substr(0, failure.find('\n'));
    }
    return result.IsInt() ? std::to_string(result.AsInt()) : result.IsNil() ? "()" : "other";
  }

  const TemporaryFolder root_;
  std::string output_, listing_;
  std::unique_ptr<Vm> vm_;
};

TEST_F(LoaderTest, FindsModulesBesideTheProgram) {
  Write("a/b.eta", "(module a.b (export x) (define x 5))");
  EXPECT_EQ(Run(Write("main.eta", "(import a.b) (display x)")), "5");
}

TEST_F(LoaderTest, SearchPathComesBeforeTheProgramsDirectory) {
  Write("one/m.eta", "(module m (export x) (define x 1))");
  Write("two/m.eta", "(module m (export x) (define x 2))");
  Write("m.eta", "(module m (export x) (define x 3))");
  Start({root_.Path("nowhere"), root_.Path("two"), root_.Path("one")});
  EXPECT_EQ(Run(Write("main.eta", "(import m) (display x)")), "2");
}

TEST_F(LoaderTest, ProjectRootsComeFirst) {
  Write("project/eta.toml", "");
  Write("project/src/m.eta", "(module m (export x) (define x 1))");
  Write("project/.eta/modules/dependency/n.eta", "(module n (export y) (define y 2))");
  Write("path/m.eta", "(module m (export x) (define x 3))");
  const std::string main = Write("project/sub/main.eta", "(import m n) (display (+ x y))");
  const fs::path before = fs::current_path();
  fs::current_path(root_.path() / "project" / "sub");
  Start({root_.Path("path")});
  EXPECT_EQ(Run(main), "3");
  fs::current_path(before);
}

// Also where its path is the one that the library knows it by.
TEST_F(LoaderTest, StrictLookupTellsALibraryModuleFromAFile) {
  Write("std/io.eta", "(module std.io (export x) (define x 1))");
  const fs::path before = fs::current_path();
  fs::current_path(root_.path());
  ModulePath path({}, /*strict=*/true);
  EXPECT_TRUE((*path.Find("std.io"))->is_library);
  path.SetProgramDirectory(".");
  const auto found = path.Find("std.io");
  fs::current_path(before);
  ASSERT_FALSE(found);
  EXPECT_EQ(found.error(),
            "module std.io is in more than one place: (built in) std/io.eta and ./std/io.eta");
}

TEST_F(LoaderTest, EveryModuleOfALoadedFileIsThere) {
  Write("first.eta", "(module second (export y) (define y 2)) (module first (import second))");
  EXPECT_EQ(Run(Write("main.eta", "(import first second) (display y)")), "2");
}

TEST_F(LoaderTest, NothingOfAFileRunsWhenAnyOfItIsWrong) {
  EXPECT_EQ(Run(Write("main.eta", "(display 1) (module m (display 2)) (module n (nonsense 3))")),
            "error [main.eta:1:47]: Undefined symbol: nonsense\n"
            "  (display 1) (module m (display 2)) (module n (nonsense 3))\n"
            "                                                ^^^^^^^^\n");
}

TEST_F(LoaderTest, FailuresOfFiles) {
  const std::string missing = root_.Path("missing.eta");
  EXPECT_EQ(Run(missing), "error: file not found: " + missing + "\n");
  EXPECT_EQ(Run(root_.path().string()),
            "error: not a file but a directory: " + root_.path().string() + "\n");
}

TEST_F(LoaderTest, AModuleThatItsOwnFileImports) {
  const std::string main = Write("main.eta", "(import main) (display 1)");
  EXPECT_NE(Run(main).find("error [main.eta:1:9]: circular module import detected: main -> main"),
            std::string::npos);
}

TEST_F(LoaderTest, AFailedFileLeavesNoModulesBehind) {
  EXPECT_NE(RunText("(module m (nonsense))").find("Undefined symbol"), std::string::npos);
  EXPECT_EQ(RunText("(module m (display 1))"), "1");
}

TEST_F(LoaderTest, RuntimeErrorsBlameTheProgramsOwnForm) {
  const std::string text = RunText("(define (f x)\n  (car x))\n(+ 1 (f 5))");
  EXPECT_EQ(text,
            "error [text:2:3]: car: not a pair\n    (car x))\n    ^^^^^^^\n"
            "  in f (text:2:3)\n  in text_init (text:3:6)\n");
}

TEST_F(LoaderTest, SubmissionsSeeEarlierOnes) {
  EXPECT_EQ(Submit("(define x 5)"), "()");
  EXPECT_EQ(Submit("(define (f) x)"), "()");
  EXPECT_EQ(Submit("(f)"), "5");
  EXPECT_EQ(Submit("(set! x 6)"), "()");
  EXPECT_EQ(Submit("(f)"), "6");
}

TEST_F(LoaderTest, RedefinitionsAreForLaterSubmissions) {
  Submit("(define x 5)");
  Submit("(define (f) x)");
  Submit("(define x 7)");
  EXPECT_EQ(Submit("(+ (* 10 (f)) x)"), "57");
}

TEST_F(LoaderTest, SubmissionsKeepImports) {
  Write("m.eta", "(module m (export y) (define y 3))");
  Start({root_.path().string()});
  EXPECT_EQ(Submit("(import (prefix m m:))"), "()");
  EXPECT_EQ(Submit("m:y"), "3");
  EXPECT_EQ(Submit("(define m:y 4) m:y"), "4");
  EXPECT_EQ(Submit("m:y"), "4");
}

TEST_F(LoaderTest, SubmissionsKeepMacros) {
  EXPECT_EQ(Submit("(define-syntax twice (syntax-rules () ((_ e) (+ e e))))"), "()");
  EXPECT_EQ(Submit("(twice 4)"), "8");
  EXPECT_EQ(Submit("(define (twice x) x) (twice 4)"), "4");
  EXPECT_EQ(Submit("(twice 5)"), "5");
  Submit("(define-syntax twice (syntax-rules () ((_ e) (* e e))))");
  EXPECT_EQ(Submit("(twice 5)"), "25");
}

TEST_F(LoaderTest, SubmissionsShadowFormsOfTheLibrary) {
  Submit("(define (assert x) 7)");
  EXPECT_EQ(Submit("(assert #f)"), "7");
}

TEST_F(LoaderTest, SubmissionsReenterContinuationsOfEarlierOnes) {
  Submit("(define k #f)");
  EXPECT_EQ(Submit("(+ 1 (call/cc (lambda (c) (set! k c) 1)))"), "2");
  EXPECT_EQ(Submit("(k 10)"), "11");
  EXPECT_EQ(Submit("(* 2 (k 20))"), "21");
}

TEST_F(LoaderTest, EvalSeesWhatASubmissionDefined) {
  Submit("(define x 5)");
  EXPECT_EQ(Submit("(eval '(+ x 1))"), "6");
}

TEST_F(LoaderTest, FailedSubmissionsChangeNothing) {
  Submit("(define x 5)");
  EXPECT_EQ(Submit("(define x 6) (nonsense)"), "error [prompt:1:15]: Undefined symbol: nonsense");
  EXPECT_EQ(Submit("x"), "5");
  EXPECT_EQ(Submit("(car x)"), "error [prompt:1:1]: car: not a pair");
  EXPECT_EQ(Submit("x"), "5");
}

TEST_F(LoaderTest, AMainIsCalledOnceThoughLaterSubmissionsSeeIt) {
  EXPECT_EQ(Submit("(define (main) (display \"main\"))"), "()");
  EXPECT_EQ(Submit("1"), "1");
  EXPECT_EQ(output_, "main");
}

TEST_F(LoaderTest, ListsTheProgramsBytecode) {
  EXPECT_EQ(RunText("(define (double n) (* n 2))"), "");
  EXPECT_NE(listing_.find("double"), std::string::npos) << listing_;
}

TEST_F(LoaderTest, DataMayNestAsDeepAsMemoryAllows) {
  Start({}, /*stress=*/false);
  const size_t depth = 1'000'000;
  EXPECT_EQ(RunText("(define (depth x) (if (null? x) 1 (+ 1 (depth (car x)))))"
                    "(display (depth '" +
                    std::string(depth, '(') + std::string(depth, ')') + "))"),
            "1000000");
}

TEST_F(LoaderTest, CodeNestedTooDeepIsOneError) {
  const std::string text = std::string(1'000'000, '(') + std::string(1'000'000, ')');
  EXPECT_EQ(RunText(text),
            "error [text:1:1001]: nested more than 1000 levels deep\n"
            "  ... " +
                std::string(120, '(') + " ...\n" + std::string(66, ' ') + std::string(60, '^') +
                "\n");
}

TEST(SplitPathTest, DropsEmptyEntries) {
  EXPECT_EQ(SplitPath("a:/b c::d:"), (std::vector<std::string>{"a", "/b c", "d"}));
  EXPECT_TRUE(SplitPath("").empty());
}

}  // namespace
}  // namespace eta
