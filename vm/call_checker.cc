#include "vm/call_checker.h"

#include <string>

#include "vm/code.h"
#include "vm/native.h"
#include "vm/vm.h"

namespace eta {
namespace {

bool MayFailOnPurpose(const Node* node) {
  if (node->kind == Node::Kind::kCatch || node->kind == Node::Kind::kWithHandler) return true;
  if (node->kind != Node::Kind::kCall) return false;
  const Node* callee = node->operands.back();
  return callee->kind == Node::Kind::kGlobal && *callee->name == "%guard";
}

std::string NameOf(const Node* callee) {
  if (callee->kind == Node::Kind::kGlobal) return "'" + *callee->name + "'";
  if (callee->kind == Node::Kind::kLocal) return "'" + *callee->variable->name + "'";
  return "this procedure";
}

}  // namespace

std::vector<Diagnostic> CallChecker::Check(const LambdaNode* top) {
  std::vector<Diagnostic> errors;
  Visit(top->body, &errors);
  return errors;
}

// Without `errors` it learns.
void CallChecker::Visit(const Node* node, std::vector<Diagnostic>* errors) {
  if (errors != nullptr && MayFailOnPurpose(node)) return;
  if (errors != nullptr && node->kind == Node::Kind::kCall) CheckCall(node, errors);
  if (errors == nullptr) Define(node);
  if (node->lambda != nullptr) Visit(node->lambda->body, errors);
  for (const Node* operand : node->operands) Visit(operand, errors);
}

void CallChecker::Define(const Node* node) {
  using Kind = Node::Kind;
  if (node->kind == Kind::kSetGlobal) {
    const auto [entry, is_new] = globals_.try_emplace(node->binding.slot);
    const LambdaNode* lambda = node->operands[0]->lambda;
    entry->second =
        is_new && node->is_definition && lambda != nullptr ? ArityOfLambda(lambda) : Arity{};
  }
  if (node->kind != Kind::kLet && node->kind != Kind::kLetrec) return;
  for (size_t i = 0; i < node->variables.size() && i + 1 < node->operands.size(); ++i) {
    const LambdaNode* lambda = node->operands[i]->lambda;
    if (lambda != nullptr && !node->variables[i]->assigned) {
      locals_[node->variables[i]] = ArityOfLambda(lambda);
    }
  }
}

CallChecker::Arity CallChecker::ArityOfLambda(const LambdaNode* lambda) {
  const size_t count = lambda->parameters.size();
  if (lambda->has_rest) return {count - 1, SIZE_MAX, true};
  return {count, count, true};
}

CallChecker::Arity CallChecker::ArityOfBuiltin(GlobalSlot slot) const {
  const Value value = vm_.globals()[slot];
  if (const auto* native = As<NativeObject>(value)) {
    const int most = native->def->max_args;
    return {static_cast<size_t>(native->def->min_args),
            most == kAnyCount ? SIZE_MAX : static_cast<size_t>(most), true};
  }
  if (const auto* closure = As<ClosureObject>(value)) {
    const size_t required = closure->code->required_args;
    return {required, closure->code->has_rest ? SIZE_MAX : required, true};
  }
  return {};
}

CallChecker::Arity CallChecker::ArityOf(const Node* callee) const {
  if (callee->lambda != nullptr) return ArityOfLambda(callee->lambda);
  if (callee->kind == Node::Kind::kLocal) {
    const auto found = locals_.find(callee->variable);
    return found == locals_.end() ? Arity{} : found->second;
  }
  if (callee->kind != Node::Kind::kGlobal) return {};
  if (callee->binding.kind == Binding::Kind::kBuiltin) return ArityOfBuiltin(callee->binding.slot);
  const auto found = globals_.find(callee->binding.slot);
  return found == globals_.end() ? Arity{} : found->second;
}

void CallChecker::CheckCall(const Node* call, std::vector<Diagnostic>* errors) const {
  const Node* callee = call->operands.back();
  const Arity arity = ArityOf(callee);
  const size_t count = call->operands.size() - 1;
  if (!arity.is_known || (count >= arity.required && count <= arity.most)) return;
  std::string expected = std::to_string(arity.required);
  if (arity.most == SIZE_MAX) {
    expected.insert(0, "at least ");
  } else if (arity.most != arity.required) {
    expected += " to " + std::to_string(arity.most);
  }
  errors->push_back({call->span, "Wrong number of arguments for " + NameOf(callee) + ": expected " +
                                     expected + ", got " + std::to_string(count)});
}

}  // namespace eta
