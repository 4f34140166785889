#include "vm/expander.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "vm/dump.h"
#include "vm/reader.h"

namespace eta {
namespace {

class ExpanderTest : public testing::Test {
 protected:
  Result<ExpandedFile> ExpandFile(std::string_view text) {
    auto data = Read(text, 1, names_, arena_);
    if (!data) return Unexpected(data.error());
    return Expander(names_, arena_).ExpandFile(*data, "script");
  }

  static std::string ErrorText(const Diagnostic& d) {
    return "error " + std::to_string(d.span.line) + ":" + std::to_string(d.span.column) + ": " +
           d.message;
  }

  // The core forms of top-level `text`, a line each, or the error.
  std::string Expand(std::string_view text) {
    auto file = ExpandFile(text);
    if (!file) return ErrorText(file.error());
    std::string out;
    for (const ExpandedModule& module : file->modules) {
      for (const Datum* form : module.body) out += (out.empty() ? "" : "\n") + ToText(form);
    }
    return out;
  }

  std::string Dump(std::string_view text) {
    auto file = ExpandFile(text);
    return file ? DumpExpanded(*file) : ErrorText(file.error());
  }

  SymbolTable names_;
  DatumArena arena_;
};

TEST_F(ExpanderTest, TablesAreSorted) {
  const auto forms = SpecialForms();
  EXPECT_TRUE(std::is_sorted(forms.begin(), forms.end(),
                             [](const auto& a, const auto& b) { return a.name < b.name; }));
  const auto words = ReservedWords();
  EXPECT_TRUE(std::is_sorted(words.begin(), words.end()));
  for (std::string_view free : {"apply", "letrec*", "else", "=>"}) {
    EXPECT_FALSE(IsReservedWord(free)) << free;
  }
}

TEST_F(ExpanderTest, LeavesAtomsAndCalls) {
  EXPECT_EQ(Expand("x 1 \"s\" #\\a #(1 2) (f x (g))"), "x\n1\n\"s\"\n#\\a\n#(1 2)\n(f x (g))");
  EXPECT_EQ(Expand("(f . x)"), "error 1:1: a form must be a proper list");
}

TEST_F(ExpanderTest, QuoteKeepsItsDatum) {
  EXPECT_EQ(Expand("'(if a) (quote x)"), "(quote (if a))\n(quote x)");
  EXPECT_EQ(Expand("'`(a ,b ,@c)"), "(quote (quasiquote (a (unquote b) (unquote-splicing c))))");
  EXPECT_EQ(Expand("(quote)"), "error 1:1: quote: expected (quote datum)");
}

TEST_F(ExpanderTest, If) {
  EXPECT_EQ(Expand("(if a b c) (if a b)"), "(if a b c)\n(if a b (quote ()))");
  EXPECT_EQ(Expand("(if a)"), "error 1:1: if: expected (if test then else)");
}

TEST_F(ExpanderTest, BeginIsSplicedAtTopLevel) {
  EXPECT_EQ(Expand("(begin (define a 1) (begin (define b 2)) 3) (begin)"),
            "(define a 1)\n(define b 2)\n3");
  EXPECT_EQ(Expand("(f (begin 1 2) (begin) (progn 3))"), "(f (begin 1 2) (quote ()) 3)");
}

TEST_F(ExpanderTest, Define) {
  EXPECT_EQ(Expand("(define x 1)"), "(define x 1)");
  EXPECT_EQ(Expand("(def x 1)"), "(define x 1)");
  EXPECT_EQ(Expand("(define (f a . r) a r)"), "(define f (lambda (a . r) a r))");
  EXPECT_EQ(Expand("(defun f (a b) a)"), "(define f (lambda (a b) a))");
  EXPECT_EQ(Expand("(defun f args args)"), "(define f (lambda args args))");
  EXPECT_EQ(Expand("(define x)"),
            "error 1:1: define: expected (define name value) or (define (name parameter...) "
            "body...)");
  EXPECT_EQ(Expand("(define if 1)"),
            "error 1:9: reserved keyword cannot be used as a definition: if");
  EXPECT_EQ(Expand("(define 1 1)"), "error 1:9: definition must be a symbol");
}

TEST_F(ExpanderTest, DefineDropsSurplusForms) {
  EXPECT_EQ(Expand("(define x 1 (if) (unquote y))"), "(define x 1)");
  EXPECT_EQ(Expand("(lambda () (define x 1 (if)) x)"), "(lambda () (letrec ((x 1)) x))");
}

TEST_F(ExpanderTest, DefinitionsAreListedOnce) {
  auto file = ExpandFile("(define x 1) (define y 2) (define x 3)");
  ASSERT_TRUE(file);
  ASSERT_EQ(file->modules[0].definitions.size(), 2u);
  EXPECT_EQ(*file->modules[0].definitions[1].name, "y");
}

TEST_F(ExpanderTest, Lambda) {
  EXPECT_EQ(Expand("(lambda (a b) 1) (lambda (a . b) 1) (lambda a 1 2)"),
            "(lambda (a b) 1)\n(lambda (a . b) 1)\n(lambda a 1 2)");
  EXPECT_EQ(Expand("(lambda (a b a) 1)"), "error 1:14: duplicate parameter: a");
  EXPECT_EQ(Expand("(lambda (a . a) 1)"), "error 1:14: duplicate parameter: a");
  EXPECT_EQ(Expand("(lambda (let) 1)"),
            "error 1:10: reserved keyword cannot be used as a parameter: let");
  EXPECT_EQ(Expand("(lambda (1) 1)"), "error 1:10: parameter must be a symbol");
  EXPECT_EQ(Expand("(lambda (a))"), "error 1:1: lambda: expected (lambda (parameter...) body...)");
}

TEST_F(ExpanderTest, InternalDefinitionsBecomeOneLetrec) {
  EXPECT_EQ(Expand("(lambda () (define a 1) (defun f (x) x) (def b 2) (f a))"),
            "(lambda () (letrec ((a 1) (f (lambda (x) x)) (b 2)) (f a)))");
  EXPECT_EQ(Expand("(let ((x 1)) (begin (define a 1) (begin (define b 2))) (+ a b))"),
            "(let ((x 1)) (letrec ((a 1) (b 2)) (+ a b)))");
  EXPECT_EQ(Expand("(lambda () (f) (define a 1) a)"),
            "(lambda () (letrec ((ignored%1 (f)) (a 1)) a))");
  EXPECT_EQ(Expand("(lambda () (define a 1) (define a 2) a)"),
            "error 1:33: duplicate definition: a");
  EXPECT_EQ(Expand("(lambda () (define a 1))"),
            "error 1:1: a body needs an expression after its definitions");
  EXPECT_EQ(Expand("(when #t (define a 1) a)"),
            "error 1:10: define is not allowed here: only at top level or directly in a body");
}

TEST_F(ExpanderTest, LetFamily) {
  EXPECT_EQ(Expand("(let ((a 1) (b 2)) a b)"), "(let ((a 1) (b 2)) a b)");
  EXPECT_EQ(Expand("(let () 1 2)"), "(begin 1 2)");
  EXPECT_EQ(Expand("(let* ((a 1) (b a) (a b)) a)"), "(let ((a 1)) (let ((b a)) (let ((a b)) a)))");
  EXPECT_EQ(Expand("(letrec ((f g) (g 1)) f)"), "(letrec ((f g) (g 1)) f)");
  EXPECT_EQ(Expand("(letrec* ((f g) (g 1)) f)"), "(letrec ((f g) (g 1)) f)");
  EXPECT_EQ(Expand("(let ((a 1) (a 2)) a)"), "error 1:14: duplicate variable: a");
  EXPECT_EQ(Expand("(let ((a 1 2)) a)"), "error 1:7: a binding must be (name value)");
  EXPECT_EQ(Expand("(let (a) a)"), "error 1:7: a binding must be (name value)");
  EXPECT_EQ(Expand("(let ((a 1)))"), "error 1:1: let: expected (let ((name value)...) body...)");
}

TEST_F(ExpanderTest, NamedLet) {
  EXPECT_EQ(Expand("(let loop ((i 0) (j (f))) (loop i j))"),
            "((letrec ((loop (lambda (i j) (loop i j)))) loop) 0 (f))");
  EXPECT_EQ(Expand("(let i ((i 0)) i)"),
            "error 1:10: a parameter cannot have the name of the loop: i");
}

TEST_F(ExpanderTest, Do) {
  EXPECT_EQ(Expand("(do ((i 0 (+ i 1)) (acc '())) ((= i 3) acc) (f i))"),
            "((letrec ((do%1 (lambda (i acc) (if (= i 3) acc (begin (f i) (do%1 (+ i 1) acc)))))) "
            "do%1) 0 (quote ()))");
  EXPECT_EQ(Expand("(do () (#t))"),
            "((letrec ((do%1 (lambda () (if #t (quote ()) (do%1))))) do%1))");
}

TEST_F(ExpanderTest, SetWantsAName) {
  EXPECT_EQ(Expand("(set! x (if a b))"), "(set! x (if a b (quote ())))");
  EXPECT_EQ(Expand("(set! if 1)"), "error 1:7: reserved keyword cannot be used as a variable: if");
}

TEST_F(ExpanderTest, Cond) {
  EXPECT_EQ(Expand("(cond (a 1 2) (b 3) (else 4))"), "(if a (begin 1 2) (if b 3 4))");
  EXPECT_EQ(Expand("(cond (a))"), "(let ((test%1 a)) (if test%1 test%1 (quote ())))");
  EXPECT_EQ(Expand("(cond (a => f) (else 1))"), "(let ((test%1 a)) (if test%1 (f test%1) 1))");
  EXPECT_EQ(Expand("(cond (else 1) (a 2))"), "error 1:7: else must be the last clause");
  EXPECT_EQ(Expand("(cond (else))"), "error 1:7: else needs a body");
  EXPECT_EQ(Expand("(cond (a =>))"),
            "error 1:7: a clause of cond with => must be (test => procedure)");
}

TEST_F(ExpanderTest, Case) {
  EXPECT_EQ(Expand("(case x ((1 a) 2) (else 3))"),
            "(let ((key%1 x)) (if (if ((%builtin eq?) key%1 (quote 1)) #t ((%builtin eq?) key%1 "
            "(quote a))) 2 3))");
  EXPECT_EQ(Expand("(case x ((4611686018427387904) 2))"),
            "(let ((key%1 x)) (if ((%builtin eqv?) key%1 (quote 4611686018427387904)) 2 (quote "
            "())))");
  EXPECT_EQ(Expand("(case x (() 1))"), "error 1:10: a clause of case needs at least one datum");
}

TEST_F(ExpanderTest, WhenUnlessAndOr) {
  EXPECT_EQ(Expand("(when a 1 2) (unless a 1) (when a)"),
            "(if a (begin 1 2) (quote ()))\n(if a (quote ()) 1)\n(if a (quote ()) (quote ()))");
  EXPECT_EQ(Expand("(and) (and a) (and a b c)"), "#t\na\n(if a (if b c #f) #f)");
  EXPECT_EQ(Expand("(or) (or a) (or a b)"), "#f\na\n(let ((or%1 a)) (if or%1 or%1 b))");
}

TEST_F(ExpanderTest, TestsNeedNoTemporaries) {
  EXPECT_EQ(Expand("(if (or a (and b c)) 1 2)"), "(if (if a #t (if b c #f)) 1 2)");
}

TEST_F(ExpanderTest, SpecialCalls) {
  EXPECT_EQ(Expand("(apply f 1 x) (values) (values 1) (call-with-values f g) (call/cc f) "
                   "(call-with-current-continuation f) (dynamic-wind a b c)"),
            "(apply f 1 x)\n(values)\n(values 1)\n(call-with-values f g)\n(call/cc f)\n(call/cc "
            "f)\n(dynamic-wind a b c)");
  EXPECT_EQ(Expand("(apply f)"), "error 1:1: apply: expected (apply procedure argument... list)");
}

TEST_F(ExpanderTest, CatchAndRaise) {
  EXPECT_EQ(Expand("(catch 'k (f)) (catch (f)) (raise 'k 1) (raise 'k)"),
            "(catch (quote k) (f))\n(catch #f (f))\n(raise (quote k) 1)\n(raise #f (quote k))");
  EXPECT_EQ(Expand("(catch k (f))"), "error 1:8: catch: the tag must be a quoted symbol");
  EXPECT_EQ(Expand("(raise \"k\" 1)"), "error 1:8: raise: the tag must be a quoted symbol");
  EXPECT_EQ(Expand("(catch 'k 1 2)"),
            "error 1:1: catch: expected (catch 'tag form) or (catch form); several forms go in a "
            "begin");
}

TEST_F(ExpanderTest, Quasiquote) {
  EXPECT_EQ(Expand("`a `(a b) `#(1)"), "(quote a)\n(quote (a b))\n(quote #(1))");
  EXPECT_EQ(Expand("`(1 ,x)"), "((%builtin list) (quote 1) x)");
  EXPECT_EQ(Expand("`(1 ,'b)"), "((%builtin list) (quote 1) (quote b))");
  EXPECT_EQ(Expand("`(1 ,@x 2)"),
            "((%builtin append) ((%builtin list) (quote 1)) x ((%builtin list) (quote 2)))");
  EXPECT_EQ(Expand("`(,@x)"), "x");
  EXPECT_EQ(Expand("`(1 . ,x)"), "((%builtin cons) (quote 1) x)");
  EXPECT_EQ(Expand("`(1 ,x . y)"), "((%builtin append) ((%builtin list) (quote 1) x) (quote y))");
  EXPECT_EQ(Expand("`#(1 ,x)"), "(apply (%builtin vector) ((%builtin list) (quote 1) x))");
  EXPECT_EQ(Expand("`,@x"), "error 1:2: unquote-splicing outside a list");
  EXPECT_EQ(Expand(",x"), "error 1:1: unquote outside quasiquote");
}

TEST_F(ExpanderTest, QuasiquoteLevels) {
  EXPECT_EQ(Expand("`(1 `(2 ,x))"), "(quote (1 (quasiquote (2 (unquote x)))))");
  EXPECT_EQ(Expand("`(1 `(2 ,(3 ,x)))"),
            "((%builtin list) (quote 1) ((%builtin list) (quote quasiquote) ((%builtin list) "
            "(quote 2) ((%builtin list) (quote unquote) ((%builtin list) (quote 3) x)))))");
}

TEST_F(ExpanderTest, LongQuasiquotesAreChunked) {
  std::string text = "`(,x";
  for (int i = 0; i < 99; ++i) text += " 1";
  const std::string core = Expand(text + ")");
  size_t lists = 0;
  for (size_t at = 0; (at = core.find("(%builtin list)", at)) != std::string::npos; ++at) ++lists;
  EXPECT_EQ(lists, 4u);
}

TEST_F(ExpanderTest, ReservedWordsAreNoVariables) {
  EXPECT_EQ(Expand("(f if)"),
            "error 1:4: Undefined symbol: if (if is a special form, not a value)");
  EXPECT_EQ(Expand("(unify a b)"),
            "error 1:2: Undefined symbol: unify (reserved, but not part of this version)");
}

TEST_F(ExpanderTest, SomeFormsAreProceduresAsValues) {
  EXPECT_EQ(Expand("(f values call/cc)"), "(f (%builtin %values) (%builtin %call/cc))");
}

// --- Macros -------------------------------------------------------------------------------------

TEST_F(ExpanderTest, MacrosExpandInPlace) {
  EXPECT_EQ(Expand("(define-syntax twice (syntax-rules () ((_ e) (begin e e)))) (f (twice x))"),
            "(f (begin x x))");
  EXPECT_EQ(Expand("(define-syntax n (syntax-rules () ((_) 1))) (n) `(,(n) n)"),
            "1\n((%builtin list) 1 (quote n))");
}

TEST_F(ExpanderTest, IntroducedVariablesAreTheirOwn) {
  // The texts are the same, the names are not: the analyzer keeps them apart.
  auto file = ExpandFile(
      "(define-syntax my-or (syntax-rules () ((_ a b) (let ((t a)) (if t t b))))) (my-or x t)");
  ASSERT_TRUE(file);
  const Datum* let = file->modules[0].body[0];
  EXPECT_EQ(ToText(let), "(let ((t x)) (if t t t))");
  Items parts;
  ASSERT_TRUE(ListElements(let->Cdr()->Cdr()->Car(), &parts));
  EXPECT_EQ(parts[1]->symbol, parts[2]->symbol);
  EXPECT_NE(parts[1]->symbol, parts[3]->symbol);
}

TEST_F(ExpanderTest, NestedEllipses) {
  const std::string flat =
      "(define-syntax flat (syntax-rules () ((_ ((a b ...) ...) c) '((a ...) (b ... ...) ((c b "
      "...) ... "
      ") c)))) ";
  EXPECT_EQ(Expand(flat + "(flat ((1 2 3) (4) (5 6)) 7)"),
            "(quote ((1 4 5) (2 3 6) ((7 2 3) (7) (7 6)) 7))");
  EXPECT_EQ(Expand(flat + "(flat () 7)"), "(quote (() () () 7))");
}

TEST_F(ExpanderTest, ElementsMayFollowAnEllipsis) {
  const std::string last =
      "(define-syntax last (syntax-rules () ((_ a ... z) 'z) ((_ a ... y . z) '(y z)))) ";
  EXPECT_EQ(Expand(last + "(last 1 2 3) (last 1) (f (last 1 2 . 3))"),
            "(quote 3)\n(quote 1)\n(f (quote (2 3)))");
  EXPECT_EQ(Expand(last + "(last)"), "error 1:82: last: no rule of the macro matches this use");
}

TEST_F(ExpanderTest, VectorPatternsLiteralsAndEscapes) {
  EXPECT_EQ(Expand("(define-syntax v (syntax-rules () ((_ #(a b ...)) '#(b ... a)))) (v #(1 2 3))"),
            "(quote #(2 3 1))");
  EXPECT_EQ(Expand("(define-syntax m (syntax-rules (to) ((_ a to b) '(a b)) ((_ a b c) 'no))) "
                   "(m 1 to 2) (m 1 of 2) (let ((to 1)) (m 1 to 2))"),
            "(quote (1 2))\n(quote no)\n(let ((to 1)) (quote no))");
  EXPECT_EQ(Expand("(define-syntax dots (syntax-rules () ((_ a) '(a (... ...))))) (dots 1)"),
            "(quote (1 ...))");
  EXPECT_EQ(Expand("(define-syntax m (syntax-rules ::: () ((_ a :::) '(... a :::)))) (m 1 2)"),
            "(quote (... 1 2))");
  EXPECT_EQ(Expand("(define-syntax m (syntax-rules () ((_ 1 \"s\" #\\c #t) 'yes) ((_ . x) 'x))) "
                   "(m 1 \"s\" #\\c #t) (m 1 \"s\" #\\d #t)"),
            "(quote yes)\n(quote (1 \"s\" #\\d #t))");
}

TEST_F(ExpanderTest, MacrosMakeMacros) {
  EXPECT_EQ(Expand("(define-syntax def-const (syntax-rules () ((_ name v) (define-syntax name "
                   "(syntax-rules () ((_) 'v)))))) (def-const two 2) (two)"),
            "(quote 2)");
  EXPECT_EQ(
      Expand("(define-syntax m (syntax-rules () ((_ n) (begin (define t 1) (define (n) t))))) "
             "(define t 5) (m f) t"),
      "(define t 5)\n(define t 1)\n(define f (lambda () t))\nt");
}

TEST_F(ExpanderTest, MacrosInBodies) {
  EXPECT_EQ(Expand("(lambda () (define-syntax one (syntax-rules () ((_) 1))) (define a (one)) a)"),
            "(lambda () (letrec ((a 1)) a))");
  EXPECT_EQ(Expand("(define-syntax def2 (syntax-rules () ((_ a b) (begin (define a 1) (define b "
                   "2))))) (lambda () (def2 x y) (f x y))"),
            "(lambda () (letrec ((x 1) (y 2)) (f x y)))");
  EXPECT_EQ(Expand("(let-syntax ((m (syntax-rules () ((_) 1)))) (m)) (m)"), "1\n(m)");
  EXPECT_EQ(Expand("(letrec-syntax ((m (syntax-rules () ((_) 1) ((_ x . y) (m . y))))) (m a b))"),
            "1");
}

TEST_F(ExpanderTest, MacrosReachOtherModulesOfTheFile) {
  const std::string text =
      "(module a (define-syntax m (syntax-rules () ((_) (hidden)))) (define (hidden) 1)) "
      "(module b (define (hidden) 2) (m) (hidden))";
  auto file = ExpandFile(text);
  ASSERT_TRUE(file);
  const ExpandedModule& b = file->modules[1];
  ASSERT_EQ(b.foreign.size(), 1u);
  EXPECT_EQ(b.foreign[0].module, 0u);
  EXPECT_EQ(*b.foreign[0].name, "hidden");
  EXPECT_EQ(b.body[1]->Car()->symbol, b.foreign[0].local);
  EXPECT_NE(b.body[2]->Car()->symbol, b.foreign[0].local);
}

TEST_F(ExpanderTest, MalformedMacros) {
  EXPECT_EQ(Expand("(define-syntax a b)"),
            "error 1:18: a macro must be (syntax-rules (literal...) (pattern template)...)");
  EXPECT_EQ(Expand("(define-syntax if (syntax-rules ()))"),
            "error 1:16: reserved keyword cannot be used as a macro: if");
  EXPECT_EQ(Expand("(define-syntax m (syntax-rules () ((_ a a) 1)))"),
            "error 1:41: syntax-rules: duplicate pattern variable: a");
  EXPECT_EQ(Expand("(define-syntax m (syntax-rules () ((_ a ... b ...) 1)))"),
            "error 1:36: syntax-rules: two ellipses in one list of a pattern");
  EXPECT_EQ(Expand("(define-syntax m (syntax-rules () ((_ a ...) a))) (m 1)"),
            "error 1:51: m: too few ellipses follow a in the template");
  EXPECT_EQ(Expand("(define-syntax m (syntax-rules () ((_ a) (a ...)))) (m 1)"),
            "error 1:53: m: nothing to repeat before an ellipsis of the template");
  EXPECT_EQ(Expand("(define-syntax m (syntax-rules () ((_ (a ...) (b ...)) '((a b) ...)))) (m (1) "
                   "(1 2))"),
            "error 1:72: m: a and b have different numbers of matches");
  EXPECT_EQ(Expand("(define-syntax m (syntax-rules () ((_) (m)))) (m)"),
            "error 1:47: the macro m expands without end");
  EXPECT_EQ(Expand("(define-syntax m (syntax-rules () ((_) 1))) (f m)"),
            "error 1:48: Undefined symbol: m (m is a macro, not a value)");
  EXPECT_EQ(Expand("(define-syntax m (syntax-rules () ((_) (f (m))))) (m)"),
            "error 1:51: nested more than 1000 levels deep");
}

TEST_F(ExpanderTest, RecordsAreVectors) {
  EXPECT_EQ(Expand("(define-record-type point (make x y) point? (x px set-px!) (z pz))"),
            "(define tag ((%builtin %record-tag) (quote point)))\n"
            "(define make (lambda (x y) ((%builtin vector) tag x y (quote ()))))\n"
            "(define point? (lambda (value) ((%builtin %record-of?) value tag)))\n"
            "(define px (lambda (record) ((%builtin vector-ref) record 1)))\n"
            "(define set-px! (lambda (record value) ((%builtin vector-set!) record 1 value)))\n"
            "(define pz (lambda (record) ((%builtin vector-ref) record 3)))");
  EXPECT_EQ(Expand("(define-record-type p (make x x) p?)"), "error 1:31: duplicate field: x");
  EXPECT_EQ(Expand("(define-record-type p make 1)"),
            "error 1:28: define-record-type: the predicate must be a symbol");
  EXPECT_EQ(Expand("(f (define-record-type p (make) p?))"),
            "error 1:4: define-record-type is not allowed here: only at top level or directly in a "
            "body");
}

TEST_F(ExpanderTest, EvalOfALiteralTakesTheVariablesItMentions) {
  EXPECT_EQ(
      Expand("(lambda (x y) (eval '(+ x z)))"),
      "(lambda (x y) ((%builtin %eval-with) (quote (+ x z)) (quote (x)) ((%builtin list) x)))");
  EXPECT_EQ(Expand("(eval '(+ 1 2)) (eval f)"),
            "((%builtin eval) (quote (+ 1 2)))\n((%builtin eval) f)");
  EXPECT_EQ(Expand("(lambda (eval) (eval '(+ 1 2)))"), "(lambda (eval) (eval (quote (+ 1 2))))");
}

TEST_F(ExpanderTest, UnreservedFormsCanBeShadowed) {
  EXPECT_EQ(Expand("(lambda (letrec*) (letrec* ((a 1)) a))"),
            "(lambda (letrec*) (letrec* ((a 1)) a))");
  EXPECT_EQ(Expand("(letrec* 1) (define (letrec* x) x)"),
            "(letrec* 1)\n(define letrec* (lambda (x) x))");
  EXPECT_EQ(Expand("(lambda (apply) (apply f x))"), "(lambda (apply) (apply f x))");
}

TEST_F(ExpanderTest, Modules) {
  EXPECT_EQ(Dump("(module a.b (export f) (import std.io (only m x) (except n y)) (import (rename "
                 "o (p q)) (prefix r s:)) (begin (define (f) 1)) (f))"),
            "(module a.b\n"
            "  (import std.io (only m x) (except n y) (rename o (p q)) (prefix r s:))\n"
            "  (export f)\n"
            "  (define f (lambda () 1))\n"
            "  (f))\n");
  EXPECT_EQ(Dump("(module)"), "error 1:1: module: expected (module name form...)");
  EXPECT_EQ(Dump("(module a (import (only (prefix b c) d)))"),
            "error 1:25: a module name must be a symbol; modifiers do not nest");
  EXPECT_EQ(Dump("(module a (import (omit b c)))"), "error 1:20: unknown import modifier: omit");
  EXPECT_EQ(Dump("(let () (import a) 1)"),
            "error 1:9: import is only allowed at the top level of a module");
  EXPECT_EQ(Dump("(module a (module b))"),
            "error 1:11: module is only allowed at the top level of a file");
}

TEST_F(ExpanderTest, FormsOutsideModulesMakeOneInSeveralParts) {
  EXPECT_EQ(Dump("(import std.io) (define x 1) (module m (f)) (g x)"),
            "(module script\n  (import std.io)\n  (define x 1))\n"
            "(module m\n  (f))\n"
            "(module script\n  (g x))\n");
  auto file = ExpandFile("1 (module m 2) 3 (module n) 4");
  ASSERT_TRUE(file);
  EXPECT_EQ(file->modules.size(), 3u);
  EXPECT_EQ(file->parts.size(), 5u);
  EXPECT_TRUE(ExpandFile("")->modules.empty());
}

TEST_F(ExpanderTest, TooDeepNestingIsOneError) {
  for (std::string open :
       {"(f ", "(if x (or ", "`(", "(begin ", "(lambda () ", "(cond (", "(let () "}) {
    std::string text;
    for (int i = 0; i < 100'000; ++i) text += open;
    text += "x";
    const auto opened = std::count(text.begin(), text.end(), '(');
    const auto closed = std::count(text.begin(), text.end(), ')');
    text += std::string(static_cast<size_t>(opened - closed), ')');
    EXPECT_NE(Expand(text).find("nested more than 1000 levels deep"), std::string::npos) << open;
  }
}

}  // namespace
}  // namespace eta
