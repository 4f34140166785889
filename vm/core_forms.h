// The core language: what the expander leaves and the analyzer understands. Everything else the
// specification calls a form is rewritten to these. All heads but `apply` are reserved words, so no
// variable can hide them; `apply` in head position is the form whatever it is bound to.
//
// clang-format off
//   datum                          self-evaluating: booleans, numbers, characters, strings, vectors,
//                                  bytevectors, ()
//   symbol                         a variable: local, of the module, imported or builtin
//   (%builtin name)                the builtin of that name, even where the program hides it
//   (quote datum)
//   (if test then else)            always three parts
//   (begin form form...)           at least one form; an empty one has become (quote ())
//   (lambda formals form...)       formals: symbol, proper or dotted list; no definitions inside
//   (let ((id form)...) form...)   parallel, at least one binding and one body form
//   (letrec ((id form)...) form...)  inits in order, left to right (letrec* semantics)
//   (set! id form)                 a local or own top-level variable; yields ()
//   (define id form)               top level only; yields ()
//   (apply form form... list-form)
//   (values form...)               also of one value, which is that value
//   (call-with-values producer consumer)
//   (call/cc receiver)
//   (dynamic-wind before thunk after)
//   (%with-handler handler thunk)
//   (catch tag form)               tag: (quote symbol), #f for a tagless catch, #t for one that
//                                  yields exception objects (vm/exception.h)
//   (raise tag form)               tag: likewise
//   (form form...)                 a call: operands left to right, then the operator
// clang-format on
//
// A named let arrives as ((letrec ((name (lambda (v...) form...))) name) init...), `do` likewise;
// the analyzer recognizes loops in that shape. `cond`, `case`, `and`, `or`, `when`, `unless`,
// `let*`, quasiquote are gone. Every local variable has a name of its own, whose text is that of
// the name in the source but which no other variable and no top-level name is: see
// vm/environment.h.
#pragma once
