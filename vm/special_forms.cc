#include "vm/special_forms.h"

#include <algorithm>

namespace eta {
namespace {

constexpr SpecialForm kSpecialForms[] = {
    {"%catch-any", ExpandCatchAny},
    {"%with-handler", ExpandWithHandler},
    {"and", ExpandAnd},
    {"apply", ExpandApply},
    {"begin", ExpandBegin},
    {"call-with-current-continuation", ExpandCallCc, "%call/cc"},
    {"call-with-values", ExpandCallWithValues, "%call-with-values"},
    {"call/cc", ExpandCallCc, "%call/cc"},
    {"case", ExpandCase},
    {"catch", ExpandCatch},
    {"cond", ExpandCond},
    {"cond-expand", ExpandCondExpand, {}, SpecialForm::Kind::kSplices},
    {"def", ExpandMisplacedDefinition},
    {"define", ExpandMisplacedDefinition},
    {"define-record-type", ExpandDefineRecordType, {}, SpecialForm::Kind::kDefines},
    {"define-syntax", ExpandMisplacedDefinition},
    {"define-values", ExpandDefineValues, {}, SpecialForm::Kind::kDefines},
    {"defun", ExpandMisplacedDefinition},
    {"do", ExpandDo},
    {"dynamic-wind", ExpandDynamicWind, "%dynamic-wind"},
    {"eval", ExpandEval},
    {"export", ExpandMisplacedModuleForm},
    {"if", ExpandIf},
    {"import", ExpandMisplacedModuleForm},
    {"include", ExpandInclude, {}, SpecialForm::Kind::kSplices},
    {"lambda", ExpandLambda},
    {"let", ExpandLet},
    {"let*", ExpandLetStar},
    {"let-syntax", ExpandLetSyntax},
    {"letrec", ExpandLetrec},
    {"letrec*", ExpandLetrec},
    {"letrec-syntax", ExpandLetrecSyntax},
    {"module", ExpandMisplacedModuleForm},
    {"or", ExpandOr},
    {"progn", ExpandBegin},
    {"quasiquote", ExpandQuasiquote},
    {"quote", ExpandQuote},
    {"raise", ExpandRaise},
    {"set!", ExpandSet},
    {"unless", ExpandUnless},
    {"unquote", ExpandMisplacedUnquote},
    {"unquote-splicing", ExpandMisplacedUnquote},
    {"values", ExpandValues, "%values"},
    {"when", ExpandWhen},
};

constexpr std::string_view kReservedWords[] = {
    "%builtin",
    "and",
    "begin",
    "call-with-current-continuation",
    "call-with-values",
    "call/cc",
    "case",
    "catch",
    "cond",
    "copy-term",
    "def",
    "define",
    "define-record-type",
    "define-syntax",
    "defun",
    "deref-lvar",
    "do",
    "dynamic-wind",
    "export",
    "if",
    "import",
    "lambda",
    "let",
    "let*",
    "letrec",
    "logic-var",
    "module",
    "or",
    "prefix",
    "progn",
    "quasiquote",
    "quote",
    "raise",
    "set!",
    "trail-mark",
    "unify",
    "unless",
    "unquote",
    "unquote-splicing",
    "unwind-trail",
    "values",
    "when",
};

}  // namespace

std::span<const SpecialForm> SpecialForms() { return kSpecialForms; }

const SpecialForm* FindSpecialForm(std::string_view name) {
  const auto* found = std::lower_bound(
      std::begin(kSpecialForms), std::end(kSpecialForms), name,
      [](const SpecialForm& form, std::string_view wanted) { return form.name < wanted; });
  return found != std::end(kSpecialForms) && found->name == name ? found : nullptr;
}

std::span<const std::string_view> ReservedWords() { return kReservedWords; }

bool IsReservedWord(std::string_view name) {
  return std::binary_search(std::begin(kReservedWords), std::end(kReservedWords), name);
}

}  // namespace eta
