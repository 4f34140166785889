#include "vm/self_calls.h"

#include "vm/loop_finder.h"

namespace eta {
namespace {

using Kind = Node::Kind;

class SelfCallFinder {
 public:
  SelfCallFinder(Ast& ast, const std::function<bool(Name)>& is_constant)
      : ast_(ast), is_constant_(is_constant) {}

  void Visit(Node* node) {
    if (node->kind == Kind::kLetrec) VisitLetrec(node);
    if (node->kind == Kind::kSetGlobal && node->is_definition && is_constant_(node->name)) {
      MakeEntryLoop(node->operands[0], [node](const Node* callee) {
        return callee->kind == Kind::kGlobal && callee->binding.slot == node->binding.slot;
      });
    }
    if (node->lambda != nullptr) Visit(node->lambda->body);
    for (Node* operand : node->operands) Visit(operand);
  }

 private:
  using IsSelf = std::function<bool(const Node* callee)>;

  void VisitLetrec(Node* letrec) {
    for (size_t i = 0; i < letrec->variables.size(); ++i) {
      const Variable* name = letrec->variables[i];
      if (name->assigned) continue;
      MakeEntryLoop(letrec->operands[i], [name](const Node* callee) {
        return callee->kind == Kind::kLocal && callee->variable == name;
      });
    }
  }

  void MakeEntryLoop(Node* procedure, const IsSelf& is_self) {
    if (procedure->kind != Kind::kLambda || procedure->lambda->has_rest) return;
    LambdaNode* lambda = procedure->lambda;
    if (lambda->parameters.empty()) return;  // a loop without variables looks like any other
    Node* loop = ast_.NewNode(Kind::kLoop, lambda->body->span);
    loop->variables = lambda->parameters;
    if (!Rewrite(lambda->body, is_self, loop)) return;
    loop->operands.push_back(lambda->body);
    lambda->body = loop;
  }

  // Follows the tail positions. True when a call was rewritten.
  bool Rewrite(Node* node, const IsSelf& is_self, Node* loop) {
    if (node->kind == Kind::kCall && is_self(node->operands.back()) &&
        node->operands.size() == loop->variables.size() + 1) {
      node->kind = Kind::kAgain;
      node->loop = loop;
      node->operands.pop_back();
      return true;
    }
    bool any = false;
    for (size_t i = 0; i < node->operands.size(); ++i) {
      if (KeepsTail(node, i)) any |= Rewrite(node->operands[i], is_self, loop);
    }
    return any;
  }

  Ast& ast_;
  const std::function<bool(Name)>& is_constant_;
};

}  // namespace

void FindSelfCalls(Ast& ast, LambdaNode* top, const std::function<bool(Name)>& is_constant) {
  SelfCallFinder(ast, is_constant).Visit(top->body);
}

}  // namespace eta
