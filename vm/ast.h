// The analyzed program: core forms with every name resolved. Built by the analyzer, consumed by the
// emitter, freed with the Ast.
#pragma once

#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "vm/datum.h"
#include "vm/module.h"

namespace eta {

struct LambdaNode;

// A local variable. Assigned ones that are captured, or that a continuation must not put back, live
// in boxes, all others in registers (and are copied into the closures that use them).
struct Variable {
  Name name;
  bool assigned = false;        // by set!, or by a letrec before its value was there
  bool captured = false;        // used by a procedure other than its owner
  LambdaNode* owner = nullptr;  // the procedure whose frame holds it; set with `captured`
  int reg = -1;                 // the emitter's
  bool across_calls = false;    // changed by set! in a frame that a continuation may put back
  bool in_box() const { return assigned && (captured || across_calls); }
};

struct Node {
  enum class Kind : uint8_t {
    kConst,
    kLocal,
    kGlobal,
    kSetLocal,
    kSetGlobal,
    kIf,
    kSeq,
    kLet,
    kLetrec,
    kLambda,
    kLoop,
    kAgain,
    kCall,
    kApply,
    kValues,
    kCallWithValues,
    kCallCc,
    kDynamicWind,
    kWithHandler,
    kCatch,
    kRaise
  };
  Kind kind;
  SourceSpan span;
  // Operands in evaluation order. kIf: test, then, else. kLet, kLetrec, kLoop: the inits, then the
  // body (an entry loop has no inits: vm/self_calls.h). kCall, kApply: the arguments, then the
  // operator. kAgain: the loop's next arguments.
  std::vector<Node*> operands;
  const Datum* datum =
      nullptr;  // kConst, null for (); kCatch, kRaise: the tag, null for none, #t for all
  Variable* variable = nullptr;      // kLocal, kSetLocal
  std::vector<Variable*> variables;  // kLet, kLetrec, kLoop
  Node* loop = nullptr;              // kAgain
  LambdaNode* lambda = nullptr;      // kLambda
  Binding binding{};                 // kGlobal, kSetGlobal
  Name name = nullptr;               // kGlobal, kSetGlobal
  bool is_definition = false;        // kSetGlobal: from define rather than set!
};

struct LambdaNode {
  std::string name;
  std::vector<Variable*> parameters;  // the last one takes the rest if has_rest
  bool has_rest = false;
  Node* body = nullptr;
  std::vector<Variable*> captures;  // variables of enclosing procedures, in capture order
  bool keeps_frame = false;         // its last call is no tail call, so that traces show the place
};

class Ast {
 public:
  Node* NewNode(Node::Kind kind, SourceSpan span) {
    Node& node = nodes_.emplace_back();
    node.kind = kind;
    node.span = span;
    return &node;
  }
  Variable* NewVariable(Name name) { return &variables_.emplace_back(Variable{name}); }
  LambdaNode* NewLambda() { return &lambdas_.emplace_back(); }

 private:
  std::deque<Node> nodes_;
  std::deque<Variable> variables_;
  std::deque<LambdaNode> lambdas_;
};

}  // namespace eta
