#include "vm/loop_finder.h"

namespace eta {
namespace {

using Kind = Node::Kind;

bool CallsVariable(const Node* node, const Variable* variable) {
  return node->kind == Kind::kCall && node->operands.back()->kind == Kind::kLocal &&
         node->operands.back()->variable == variable;
}

// True when each use of the variable under `node` is a call with `count` arguments in tail
// position.
bool OnlyTailCalls(const Node* node, const Variable* variable, size_t count, bool tail) {
  if (node->kind == Kind::kLocal) return node->variable != variable;
  if (node->kind == Kind::kLambda) return OnlyTailCalls(node->lambda->body, variable, count, false);
  size_t operands = node->operands.size();
  if (CallsVariable(node, variable)) {
    if (!tail || operands != count + 1) return false;
    --operands;
  }
  for (size_t i = 0; i < operands; ++i) {
    if (!OnlyTailCalls(node->operands[i], variable, count, tail && KeepsTail(node, i)))
      return false;
  }
  return true;
}

void RewriteCalls(Node* node, const Variable* variable, Node* loop) {
  if (node->kind == Kind::kLambda) return;  // it has no use of the variable
  if (CallsVariable(node, variable)) {
    node->kind = Kind::kAgain;
    node->loop = loop;
    node->operands.pop_back();
  }
  for (Node* operand : node->operands) RewriteCalls(operand, variable, loop);
}

}  // namespace

bool KeepsTail(const Node* node, size_t operand) {
  switch (node->kind) {
    case Kind::kIf:
      return operand > 0;
    case Kind::kSeq:
    case Kind::kLet:
    case Kind::kLetrec:
    case Kind::kLoop:
      return operand + 1 == node->operands.size();
    default:
      return false;
  }
}

Node* FindLoop(Ast& ast, Node* call) {
  const Node* letrec = call->operands.back();
  if (letrec->kind != Kind::kLetrec || letrec->variables.size() != 1) return call;
  const Variable* name = letrec->variables[0];
  const Node* init = letrec->operands[0];
  const Node* body = letrec->operands[1];
  if (init->kind != Kind::kLambda || body->kind != Kind::kLocal || body->variable != name) {
    return call;
  }
  LambdaNode* lambda = init->lambda;
  const size_t count = lambda->parameters.size();
  if (name->assigned || lambda->has_rest || call->operands.size() != count + 1 ||
      !OnlyTailCalls(lambda->body, name, count, true)) {
    return call;
  }
  Node* loop = ast.NewNode(Kind::kLoop, call->span);
  loop->variables = lambda->parameters;
  loop->operands.assign(call->operands.begin(), call->operands.end() - 1);
  loop->operands.push_back(lambda->body);
  RewriteCalls(lambda->body, name, loop);
  return loop;
}

}  // namespace eta
