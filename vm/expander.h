// Expander: data as read -> modules of core forms (vm/core_forms.h).
//
// Each special form is a function in a table (vm/special_forms.h). They work on data as they are,
// names included: a name that the expander introduces is fresh, a procedure that it introduces is
// referred to by (%builtin name), so nothing a program defines can get between.
//
// The expansion functions report failure by a null datum after Fail, which keeps the first error;
// the entry points turn that into a Result.
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "vm/datum.h"
#include "vm/module.h"
#include "vm/span.h"
#include "vm/special_forms.h"

namespace eta {

// Names and arena must outlive the expander and what it returns. One expander per file.
class Expander {
 public:
  Expander(SymbolTable& names, DatumArena& arena);

  // The modules of a file. `script` names the module that its top-level forms outside of modules
  // make up, if it has any.
  Result<ExpandedFile> ExpandFile(const std::vector<const Datum*>& forms, std::string_view script);

  // --- For expansion functions ------------------------------------------------------------------
  // An expression as a core form.
  const Datum* Expand(const Datum* datum);
  // An expression of which only the truth matters.
  const Datum* ExpandTest(const Datum* datum);
  // items[begin...] as core forms appended to `out`; false: failed.
  bool ExpandAll(const Items& items, size_t begin, Items* out);
  // items[begin...] as one core form; () when there are none.
  const Datum* ExpandSequence(const Items& items, size_t begin, SourceSpan span);
  // items[begin...] as a body, where definitions may stand: appends its forms to `out`. Wants at
  // least one expression at the end; `span` is blamed when that is missing.
  bool ExpandBody(const Items& items, size_t begin, SourceSpan span, Items* out);
  // (lambda formals body...), where the body is items[begin...].
  const Datum* MakeLambda(const Datum* formals, const Items& items, size_t begin, SourceSpan span);

  // Keeps the error if it is the first; yields null.
  std::nullptr_t Fail(SourceSpan span, std::string message);
  // Checks that a form has at least `min` and at most `max` elements, its head included; otherwise
  // fails with "HEAD: expected USAGE".
  bool CheckSize(const Datum* form, const Items& items, size_t min, size_t max,
                 std::string_view usage);
  // The elements of a proper list, or a failure that says what should be one.
  bool CheckList(const Datum* list, std::string_view what, Items* out);
  // Checks that `id` is a symbol that can be bound.
  bool CheckBindable(const Datum* id, std::string_view what);
  // The same for several, which must also differ.
  bool CheckDistinct(const Items& ids, std::string_view what);

  Name Intern(std::string_view text) { return names_.Intern(text); }
  const Datum* Symbol(std::string_view text, SourceSpan span) {
    return arena_.Symbol(Intern(text), span);
  }
  const Datum* Fresh(std::string_view base, SourceSpan span);
  const Datum* List(const Items& items, SourceSpan span) { return arena_.List(items, span); }
  const Datum* Cons(const Datum* car, const Datum* cdr) { return arena_.Cons(car, cdr, car->span); }
  const Datum* Bool(bool value, SourceSpan span);
  const Datum* Nil(SourceSpan span) { return Quote(arena_.Nil(span)); }
  const Datum* Quote(const Datum* datum);
  // (head item...): a core form or a call.
  const Datum* Core(std::string_view head, Items items, SourceSpan span);
  // A call of a builtin, whatever its name means to the program.
  const Datum* CallBuiltin(std::string_view name, Items operands, SourceSpan span);
  const Datum* If(const Datum* test, const Datum* then, const Datum* otherwise, SourceSpan span) {
    return Core("if", {test, then, otherwise}, span);
  }
  // One form for several: themselves, or a `begin`.
  const Datum* Begin(const Items& forms, SourceSpan span);
  // (let ((id init)) body)
  const Datum* Let1(const Datum* id, const Datum* init, const Datum* body, SourceSpan span);

  // Counts a level of nesting while in scope. Not ok: too many, and Fail was called.
  class Nesting {
   public:
    Nesting(Expander& expander, SourceSpan span);
    ~Nesting() { --expander_.depth_; }
    Nesting(const Nesting&) = delete;
    Nesting& operator=(const Nesting&) = delete;
    bool ok() const { return ok_; }

   private:
    Expander& expander_;
    bool ok_;
  };

  // While in scope, these names are variables where the expander is.
  class Scope {
   public:
    Scope(Expander& expander, const Items& ids);
    ~Scope();
    Scope(const Scope&) = delete;
    Scope& operator=(const Scope&) = delete;

   private:
    Expander& expander_;
    std::vector<Name> names_;
  };

 private:
  friend class ModuleExpander;

  // A definition, whichever way it is spelled.
  struct Definition {
    const Datum* id = nullptr;
    const Datum* value = nullptr;    // or else a procedure:
    const Datum* formals = nullptr;  // with
    Items items;                     // its body in items[begin...]
    size_t begin = 0;
    SourceSpan span;
  };
  bool IsDefinition(const Datum* datum) const;
  bool IsSequence(const Datum* datum) const;  // begin or progn
  bool IsShadowed(Name name) const { return shadowed_.contains(name); }
  bool ParseDefinition(const Datum* datum, Definition* out);
  const Datum* DefinitionValue(const Definition& definition);
  bool SpliceBody(const Items& items, size_t begin, Items* out);
  bool ExpandDefinitions(const Items& body, size_t count, SourceSpan span, Items* out);
  const Datum* ExpandVariable(const Datum* symbol);
  const Datum* ExpandPair(const Datum* pair);

  SymbolTable& names_;
  DatumArena& arena_;
  std::unordered_map<Name, int> shadowed_;  // what is a variable here, and how many times
  int depth_ = 0;
  int fresh_count_ = 0;
  bool failed_ = false;
  Diagnostic error_;
};

// Names that mean something to several families.
bool IsSymbolNamed(const Datum* datum, std::string_view text);

}  // namespace eta
