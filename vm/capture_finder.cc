#include "vm/capture_finder.h"

#include <algorithm>

namespace eta {
namespace {

class CaptureFinder {
 public:
  void Procedure(LambdaNode* lambda) {
    enclosing_.push_back(lambda);
    for (Variable* parameter : lambda->parameters) parameter->owner = lambda;
    Visit(lambda->body);
    enclosing_.pop_back();
  }

 private:
  void Visit(Node* node) {
    for (Variable* variable : node->variables) variable->owner = enclosing_.back();
    if (node->variable != nullptr) Use(node->variable);
    if (node->lambda != nullptr) Procedure(node->lambda);
    for (Node* operand : node->operands) Visit(operand);
  }

  // Every procedure between the owner and the use captures the variable.
  void Use(Variable* variable) {
    for (size_t i = enclosing_.size(); enclosing_[--i] != variable->owner;) {
      variable->captured = true;
      auto& captures = enclosing_[i]->captures;
      if (std::find(captures.begin(), captures.end(), variable) == captures.end()) {
        captures.push_back(variable);
      }
    }
  }

  std::vector<LambdaNode*> enclosing_;
};

}  // namespace

void FindCaptures(LambdaNode* top) { CaptureFinder().Procedure(top); }

}  // namespace eta
