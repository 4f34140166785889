#include "tools/form_docs.h"

#include <algorithm>
#include <iterator>
#include <utility>

namespace eta {
namespace {

constexpr std::pair<std::string_view, std::string_view> kForms[] = {
    {"and", "(and test ...): the last value, or #f at the first that is false"},
    {"apply", "(apply f v ... xs): calls f with the values and the elements of the list"},
    {"begin", "(begin form ...): the forms in order; the value of the last"},
    {"call-with-current-continuation", "(call-with-current-continuation f): as call/cc"},
    {"call-with-values", "(call-with-values producer consumer): passes all values on"},
    {"call/cc", "(call/cc f): calls f with a procedure that goes on from here"},
    {"case", "(case key ((datum ...) form ...) ... [(else form ...)]): compares by eqv?"},
    {"catch", "(catch ['tag] form): its value, or what was raised with the tag"},
    {"cond",
     "(cond (test form ...) ... [(else form ...)]): the first that applies; also (test => "
     "procedure)"},
    {"cond-expand",
     "(cond-expand (requirement form ...) ...): the forms of the first clause that applies: a "
     "feature, else, (and ...), (or ...), (not ...), (library name)"},
    {"def", "(def name value): as define"},
    {"define",
     "(define name value), (define (name parameter ...) form ...): a variable, a procedure"},
    {"define-record-type",
     "(define-record-type name (constructor field ...) predicate (field accessor [modifier]) ...): "
     "a kind of value"},
    {"define-syntax",
     "(define-syntax name (syntax-rules (literal ...) (pattern template) ...)): a macro"},
    {"define-values", "(define-values formals form): names for several values"},
    {"defun", "(defun name (parameter ...) form ...): as define"},
    {"do", "(do ((name init [step]) ...) (test result ...) form ...): a loop"},
    {"dynamic-wind", "(dynamic-wind before thunk after): runs all three, whatever way thunk ends"},
    {"eval", "(eval datum): the value of the datum as an expression"},
    {"export", "(export name ...): what other modules may import"},
    {"if", "(if test then [else]): one of the two; only #f is false"},
    {"import",
     "(import module ...): what modules export; also (only m name ...), (except m name ...), "
     "(rename m (old new) ...), "
     "(prefix m p)"},
    {"include", "(include \"file\" ...): the forms of the files"},
    {"lambda", "(lambda (parameter ...) form ...): a procedure"},
    {"let",
     "(let ((name value) ...) form ...), (let loop ((name value) ...) form ...): variables, or a "
     "loop"},
    {"let*", "(let* ((name value) ...) form ...): each value sees the names before it"},
    {"let-syntax", "(let-syntax ((name rules) ...) form ...): local macros"},
    {"letrec", "(letrec ((name value) ...) form ...): all values see all names"},
    {"letrec*", "(letrec* ((name value) ...) form ...): as letrec, in order"},
    {"letrec-syntax", "(letrec-syntax ((name rules) ...) form ...): macros that see each other"},
    {"module", "(module name form ...): imports, exports and definitions"},
    {"or", "(or test ...): the first value that is not false, or #f"},
    {"progn", "(progn form ...): as begin"},
    {"quasiquote", "`datum: the datum, with the values of ,form and ,@form in it"},
    {"quote", "'datum: the datum itself"},
    {"raise", "(raise ['tag] value): leaves for the nearest catch of that tag"},
    {"set!", "(set! name value): assigns a variable"},
    {"unless", "(unless test form ...): the forms if the test is false"},
    {"unquote", ",form: only inside a quasiquote"},
    {"unquote-splicing", ",@form: only inside a quasiquote"},
    {"values", "(values v ...): several values at once"},
    {"when", "(when test form ...): the forms if the test is true"},
};

}  // namespace

std::optional<std::string_view> FormDocumentation(std::string_view name) {
  const auto* found = std::find_if(std::begin(kForms), std::end(kForms),
                                   [name](const auto& form) { return form.first == name; });
  return found == std::end(kForms) ? std::nullopt : std::optional(found->second);
}

}  // namespace eta
