// CallChecker: finds calls that can only fail, because the procedure is known and takes another
// number of arguments. For --check; when a program runs, such a call is an error that can be
// caught.
#pragma once

#include <unordered_map>
#include <vector>

#include "vm/ast.h"
#include "vm/span.h"

namespace eta {

class Vm;

// The forms that are to be checked against each other's definitions.
class CallChecker {
 public:
  explicit CallChecker(Vm& vm) : vm_(vm) {}

  // Learns which top-level procedures the forms define. One that is assigned again is not known.
  void Learn(const LambdaNode* top) { Visit(top->body, nullptr); }
  // The wrong calls in these forms, which were learnt before. What stands in a `catch`, or in the
  // body of an exception handler, is let pass: it may fail on purpose.
  std::vector<Diagnostic> Check(const LambdaNode* top);

 private:
  struct Arity {
    size_t required = 0;
    size_t most = SIZE_MAX;
    bool is_known = false;
  };

  void Visit(const Node* node, std::vector<Diagnostic>* errors);
  void Define(const Node* node);
  Arity ArityOf(const Node* callee) const;
  Arity ArityOfBuiltin(GlobalSlot slot) const;
  static Arity ArityOfLambda(const LambdaNode* lambda);
  void CheckCall(const Node* call, std::vector<Diagnostic>* errors) const;

  Vm& vm_;
  std::unordered_map<GlobalSlot, Arity> globals_;
  std::unordered_map<const Variable*, Arity> locals_;
};

}  // namespace eta
