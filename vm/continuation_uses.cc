#include "vm/continuation_uses.h"

#include <algorithm>
#include <string_view>
#include <unordered_set>

#include "vm/loop_finder.h"

namespace eta {
namespace {

using Kind = Node::Kind;

// Builtins that call their arguments, but keep none of them.
constexpr std::string_view kCallers[] = {"for-each", "hash-map-fold", "map",
                                         "with-exception-handler"};

bool KeepsNothing(const Node* callee) {
  return callee->kind == Kind::kGlobal && callee->binding.kind == Binding::Kind::kBuiltin &&
         std::ranges::find(kCallers, *callee->name) != std::end(kCallers);
}

// Follows a continuation, and the local procedures that call it.
class EscapeCheck {
 public:
  bool Run(const Node* call_cc) {
    const Node* receiver = call_cc->operands[0];
    if (receiver->kind != Kind::kLambda) return false;
    const LambdaNode* lambda = receiver->lambda;
    if (lambda->parameters.size() != 1 || lambda->has_rest) return false;
    if (lambda->parameters[0]->assigned) return false;
    followed_.insert(lambda->parameters[0]);
    do {
      grown_ = false;
      if (!Check(lambda->body)) return false;
    } while (grown_);
    return true;
  }

 private:
  // Whether nothing under `node` lets go of what is followed.
  bool Check(const Node* node) {
    switch (node->kind) {
      case Kind::kLocal:
        return !followed_.contains(node->variable);
      case Kind::kLambda:
        return !Mentions(node->lambda->body);
      case Kind::kLet:
      case Kind::kLetrec:
        return CheckBinding(node);
      case Kind::kCall:
        return CheckCall(node);
      case Kind::kCallCc:
      case Kind::kCallWithValues:
      case Kind::kDynamicWind:
      case Kind::kWithHandler:
        return std::ranges::all_of(node->operands,
                                   [this](const Node* thunk) { return CheckCallee(thunk); });
      default:
        return CheckAll(node->operands);
    }
  }

  bool CheckAll(const std::vector<Node*>& nodes) {
    return std::ranges::all_of(nodes, [this](const Node* node) { return Check(node); });
  }

  // Of something that is called right here.
  bool CheckCallee(const Node* callee) {
    if (callee->kind == Kind::kLocal) return true;
    return callee->kind == Kind::kLambda ? Check(callee->lambda->body) : Check(callee);
  }

  bool CheckCall(const Node* call) {
    const Node* callee = call->operands.back();
    if (!CheckCallee(callee)) return false;
    return std::all_of(call->operands.begin(), call->operands.end() - 1, [&](const Node* argument) {
      return KeepsNothing(callee) && argument->kind == Kind::kLambda ? CheckCallee(argument)
                                                                     : Check(argument);
    });
  }

  // A local procedure that calls what is followed is followed itself.
  bool CheckBinding(const Node* node) {
    for (size_t i = 0; i < node->variables.size(); ++i) {
      const Node* init = node->operands[i];
      Variable* variable = node->variables[i];
      if (init->kind == Kind::kLambda && !variable->assigned && Mentions(init->lambda->body)) {
        grown_ |= followed_.insert(variable).second;
        if (!CheckCallee(init)) return false;
      } else if (!Check(init)) {
        return false;
      }
    }
    return Check(node->operands.back());
  }

  bool Mentions(const Node* node) const {
    if (node->variable && followed_.contains(node->variable)) return true;
    if (node->lambda && Mentions(node->lambda->body)) return true;
    return std::ranges::any_of(node->operands, [this](const Node* n) { return Mentions(n); });
  }

  std::unordered_set<const Variable*> followed_;
  bool grown_ = false;
};

// Whether a continuation can be made under `node` that comes back to this procedure.
bool CanComeBack(const Node* node, bool tail,
                 const std::function<bool(const Node* call)>& is_native) {
  const bool calls = node->kind == Kind::kApply || node->kind == Kind::kCallWithValues ||
                     (node->kind == Kind::kCall && !is_native(node));
  if (calls && !tail) return true;
  if (node->kind == Kind::kCallCc || node->kind == Kind::kDynamicWind ||
      node->kind == Kind::kWithHandler) {
    return true;
  }
  for (size_t i = 0; i < node->operands.size(); ++i) {
    if (CanComeBack(node->operands[i], tail && KeepsTail(node, i), is_native)) return true;
  }
  return false;
}

void MarkSet(const Node* node) {
  if (node->kind == Kind::kSetLocal) node->variable->across_calls = true;
  for (const Node* operand : node->operands) MarkSet(operand);
}

void VisitLambdas(const Node* node, const std::function<void(LambdaNode*)>& visit) {
  if (node->lambda) {
    visit(node->lambda);
    VisitLambdas(node->lambda->body, visit);
  }
  for (const Node* operand : node->operands) VisitLambdas(operand, visit);
}

}  // namespace

bool OnlyEscapes(const Node* call_cc) { return EscapeCheck().Run(call_cc); }

void MarkVariablesAcrossCalls(LambdaNode* top,
                              const std::function<bool(const Node* call)>& is_native) {
  const auto mark = [&](LambdaNode* lambda) {
    if (CanComeBack(lambda->body, true, is_native)) MarkSet(lambda->body);
  };
  mark(top);
  VisitLambdas(top->body, mark);
}

}  // namespace eta
