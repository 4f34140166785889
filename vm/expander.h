// Expander: data as read -> modules of core forms (vm/core_forms.h).
//
// Each special form is a function in a table (vm/special_forms.h); macros are syntax-rules, those
// of the program and those of the library (vm/macro_library.h). What a name means is decided here
// (vm/environment.h): in the core forms every local variable has a name of its own, and a procedure
// that the expander introduces is referred to by (%builtin name), so nothing a program defines can
// get between.
//
// The expansion functions report failure by a null datum after Fail, which keeps the first error;
// the entry points turn that into a Result.
#pragma once

#include <deque>
#include <functional>
#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "vm/datum.h"
#include "vm/environment.h"
#include "vm/module.h"
#include "vm/span.h"
#include "vm/special_forms.h"
#include "vm/syntax_rules.h"

namespace eta {

class MacroLibrary;
class ModuleExpander;
struct FileText;

// What include and cond-expand ask of the world around the file. Without it there are no other
// files, and no modules.
struct Surroundings {
  // The data of the file that the string `path` names.
  std::function<Result<std::vector<const Datum*>>(const Datum* path)> include;
  std::function<bool(const std::string& module)> has_module;
};

// Names and arena must outlive the expander and what it returns, and so must the library. One
// expander per file.
class Expander {
 public:
  // Without a library there are only the forms of the table.
  Expander(SymbolTable& names, DatumArena& arena, const MacroLibrary* library = nullptr);
  ~Expander();

  void SetSurroundings(Surroundings surroundings) { surroundings_ = std::move(surroundings); }
  const Surroundings& surroundings() const { return surroundings_; }

  // What the modules of a file are called, import and export. `script` names the module that its
  // top-level forms outside of modules make up, if it has any.
  Result<ExpandedFile> ScanFile(const std::vector<const Datum*>& forms, std::string_view script);
  // Expands the forms of the file that was scanned. `find` knows the modules that it imports.
  Result<Ok> ExpandForms(ExpandedFile* file, const FindModule& find);
  // From now on ExpandForms keeps the first error of each form at the top level in `errors`, and
  // goes on with the next.
  void CollectErrors(std::vector<Diagnostic>* errors) { errors_ = errors; }
  // Both, for a file whose imports do not matter.
  Result<ExpandedFile> ExpandFile(const std::vector<const Datum*>& forms, std::string_view script);
  // A single expression in which all free names are builtins.
  Result<const Datum*> ExpandExpression(const Datum* datum);

  // For the submissions of one session: makes what earlier ones left visible, their variables and
  // the top-level macros of an expander that outlives this one.
  void AddVariables(const Module& earlier);
  void AddMacros(const Expander& earlier);
  // The macros that were defined at the top level of this file.
  std::vector<Name> MacroNames() const;

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
  // The same for one that another stage found; yields false.
  bool Fail(Diagnostic error);
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

  // What `id` means in the environment where the expander is, or in another.
  Meaning Resolve(Name id) const { return Resolve(id, env_); }
  Meaning Resolve(Name id, const Environment* env) const;
  // Whether `datum` is this symbol and nothing binds it: else, =>.
  bool IsKeyword(const Datum* datum, std::string_view text) const;
  // A name that stands for `id` in `env`, whatever is bound where it gets to.
  const Datum* Alias(Name id, const Environment* env, SourceSpan span);
  // The same for what forms introduce that rewrite to forms: a builtin, or a variable of theirs.
  const Datum* LibraryName(std::string_view name, SourceSpan span);
  // How the core forms refer to a variable; not of a macro.
  const Datum* Reference(const Datum* id, const Meaning& meaning);

  Name Intern(std::string_view text) { return names_.Intern(text); }
  const Datum* Symbol(std::string_view text, SourceSpan span) {
    return arena_.Symbol(Intern(text), span);
  }
  const Datum* Fresh(std::string_view base, SourceSpan span);
  const Datum* List(const Items& items, SourceSpan span) { return arena_.List(items, span); }
  const Datum* Cons(const Datum* car, const Datum* cdr) { return arena_.Cons(car, cdr, car->span); }
  const Datum* Pair(const Datum* car, const Datum* cdr, SourceSpan span) {
    return arena_.Cons(car, cdr, span);
  }
  const Datum* EmptyList(SourceSpan span) { return arena_.Nil(span); }
  const Datum* Vector(Items elements, SourceSpan span);
  const Datum* Bool(bool value, SourceSpan span);
  const Datum* Integer(int64_t value, SourceSpan span);
  const Datum* Nil(SourceSpan span) { return Quote(arena_.Nil(span)); }
  // (quote datum), with the names that were written.
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

  // A contour of local bindings; ends with its scope.
  class Scope {
   public:
    explicit Scope(Expander& expander) : expander_(expander), outer_(expander.env_) {}
    ~Scope() { expander_.env_ = outer_; }
    Scope(const Scope&) = delete;
    Scope& operator=(const Scope&) = delete;

    // Makes variables visible from here on; yields their symbols in the core forms.
    Items Bind(const Items& ids);
    // Opens the contour, if it is not open yet, for bindings that come one by one.
    Environment& Open();
    void Enter(Environment& contour) { expander_.env_ = &contour; }

   private:
    Expander& expander_;
    Environment* const outer_;
    bool open_ = false;
  };

  // Rewrites `form` as long as a macro or a form that makes definitions heads it. Null: failed.
  const Datum* ExpandHead(const Datum* form);
  // An empty contour inside the present one, or an outermost one.
  Environment* NewEnvironment(Environment::Kind kind, size_t module = 0);
  // Binds a macro in `env`; `rules` is (syntax-rules ...) or another macro. False: failed.
  bool DefineMacro(const Datum* name, const Datum* rules, Environment* env);

 private:
  friend class ModuleExpander;
  friend class ClauseReader;
  friend class BodyExpander;
  friend class MacroLibrary;
  friend class SourceSplicer;

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
  bool IsSequence(const Datum* datum) const;          // begin or progn
  bool IsSyntaxDefinition(const Datum* datum) const;  // define-syntax
  bool ParseDefinition(const Datum* datum, Definition* out);
  const Datum* DefinitionValue(const Definition& definition);
  bool SpliceSource(const Items& forms, Items* out);
  const Datum* ExpandVariable(const Datum* symbol);
  const Datum* ExpandPair(const Datum* pair);
  const Datum* ExpandMacros(const Datum* form);
  Meaning ResolveFree(Name id, const Environment* top) const;
  bool ParseSyntaxDefinition(const Datum* form, Environment* env);
  const Datum* Foreign(const Datum* id, const Meaning& meaning);
  bool HasAlias(const Datum* datum) const;
  const Datum* WithoutAliases(const Datum* datum);

  // What an alias stands for.
  struct Original {
    Name name;
    const Environment* environment;
  };

  SymbolTable& names_;
  DatumArena& arena_;
  const MacroLibrary* library_;
  std::deque<Environment> environments_;
  Environment* env_;                  // where the expander is
  const Environment* top_ = nullptr;  // its outermost contour
  std::unordered_map<Name, Original> aliases_;
  std::deque<Macro> macros_;
  std::unordered_map<Name, const Macro*>
      file_macros_;  // from their definition to the end of the file, in all of its modules
  std::vector<std::pair<Name, Binding::Kind>> session_;  // what AddVariables made visible
  Surroundings surroundings_;
  std::unique_ptr<FileText> text_;
  ExpandedFile* file_ = nullptr;  // being expanded
  int depth_ = 0;
  int fresh_count_ = 0;
  bool failed_ = false;
  Diagnostic error_;
  std::vector<Diagnostic>* errors_ = nullptr;  // or null: the first one ends it
};

// Names that mean something to several families.
bool IsSymbolNamed(const Datum* datum, std::string_view text);

}  // namespace eta
