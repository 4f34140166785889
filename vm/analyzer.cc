#include "vm/analyzer.h"

#include <optional>
#include <unordered_map>

#include "vm/capture_finder.h"
#include "vm/continuation_uses.h"
#include "vm/library_index.h"
#include "vm/loop_finder.h"
#include "vm/self_calls.h"
#include "vm/suggest.h"
#include "vm/vm.h"

namespace eta {
namespace {

// Forms nested deeper than this would overflow the C++ stack of a worker thread.
constexpr int kMaxDepth = 3000;

// The top-level names that one definition binds and no set! changes.
class ConstantNames {
 public:
  ConstantNames(SymbolTable& names, std::span<const Datum* const> forms) {
    const Name define = names.Intern("define"), set = names.Intern("set!");
    for (const Datum* form : forms) {
      if (HasHead(form, define)) ++count_[form->Cdr()->Car()->symbol];
    }
    std::vector<const Datum*> rest(forms.begin(), forms.end());
    while (!rest.empty()) {
      const Datum* datum = rest.back();
      rest.pop_back();
      if (!datum->IsPair()) continue;
      if (HasHead(datum, set) && datum->Cdr()->IsPair() && datum->Cdr()->Car()->IsSymbol()) {
        count_[datum->Cdr()->Car()->symbol] += 2;
      }
      rest.push_back(datum->Car());
      rest.push_back(datum->Cdr());
    }
  }

  bool Contains(Name name) const {
    auto it = count_.find(name);
    return it != count_.end() && it->second == 1;
  }

 private:
  static bool HasHead(const Datum* form, Name head) {
    return form->IsPair() && form->Car()->IsSymbol(head);
  }

  std::unordered_map<Name, int> count_;  // definitions, and twice the assignments
};

class Analyzer {
 public:
  Analyzer(Vm& vm, Ast& ast, const std::string& name, const Module& module)
      : vm_(vm), ast_(ast), base_name_(name), module_(module) {
    SymbolTable& names = vm.names();
    const std::pair<const char*, Handler> heads[] = {
        {"quote", &Analyzer::Quote},
        {"%builtin", &Analyzer::Builtin},
        {"if", &Analyzer::If},
        {"begin", &Analyzer::Begin},
        {"lambda", &Analyzer::Lambda},
        {"let", &Analyzer::Let},
        {"letrec", &Analyzer::Letrec},
        {"set!", &Analyzer::Set},
        {"define", &Analyzer::Define},
        {"apply", &Analyzer::Apply},
        {"values", &Analyzer::Values},
        {"call-with-values", &Analyzer::CallWithValues},
        {"call/cc", &Analyzer::CallCc},
        {"dynamic-wind", &Analyzer::DynamicWind},
        {"catch", &Analyzer::Catch},
        {"raise", &Analyzer::Raise},
        {"%with-handler", &Analyzer::WithHandler},
    };
    for (auto [head, handler] : heads) forms_[names.Intern(head)] = handler;
    lambda_head_ = names.Intern("lambda");
  }

  Result<LambdaNode*> Run(std::span<const Datum* const> forms) {
    LambdaNode* top = ast_.NewLambda();
    top->name = base_name_;
    SourceSpan span = forms.empty() ? SourceSpan{} : forms.front()->span;
    top->body = Sequence({forms.begin(), forms.end()}, span);
    if (error_) return Unexpected(std::move(*error_));
    const ConstantNames constants(vm_.names(), forms);
    FindSelfCalls(ast_, top, [&](Name name) { return constants.Contains(name); });
    FindCaptures(top);
    MarkVariablesAcrossCalls(top, [this](const Node* call) { return CallsNative(call); });
    return top;
  }

 private:
  using Items = std::vector<const Datum*>;
  using Handler = Node* (Analyzer::*)(const Items&, SourceSpan);
  struct Scope {
    Scope* outer;
    std::vector<Variable*> variables;
  };

  Node* New(Node::Kind kind, SourceSpan span) { return ast_.NewNode(kind, span); }

  // Records the first error; what is returned then is never used.
  Node* Fail(SourceSpan span, std::string message) {
    if (!error_) error_ = Diagnostic{span, std::move(message)};
    return New(Node::Kind::kConst, span);
  }

  Node* Form(const Datum* datum) {
    if (error_ || depth_ > kMaxDepth) return Fail(datum->span, "forms are nested too deeply");
    ++depth_;
    Node* node = datum->IsSymbol() ? Reference(datum)
                 : datum->IsPair() ? Compound(datum)
                                   : Constant(datum);
    --depth_;
    return node;
  }

  Node* Constant(const Datum* datum) {
    Node* node = New(Node::Kind::kConst, datum->span);
    node->datum = datum;
    return node;
  }

  Node* Compound(const Datum* form) {
    Items items;
    if (!ListElements(form, &items)) return Fail(form->span, "a form must be a proper list");
    if (items[0]->IsSymbol()) {
      auto it = forms_.find(items[0]->symbol);
      if (it != forms_.end()) return (this->*it->second)(items, form->span);
    }
    Node* call = New(Node::Kind::kCall, form->span);
    for (size_t i = 1; i < items.size(); ++i) call->operands.push_back(Form(items[i]));
    call->operands.push_back(Form(items[0]));
    return AsLoop(call);
  }

  // ((letrec ((name (lambda ...))) name) init...) whose name is only called in tail position is a
  // loop.
  bool CallsNative(const Node* call) const {
    const Node* callee = call->operands.back();
    return callee->kind == Node::Kind::kGlobal && callee->binding.kind == Binding::Kind::kBuiltin &&
           As<NativeObject>(vm_.globals()[callee->binding.slot]) != nullptr;
  }

  Node* AsLoop(Node* call) { return error_ ? call : FindLoop(ast_, call); }

  Node* Quote(const Items& items, SourceSpan span) {
    Node* node = New(Node::Kind::kConst, span);
    node->datum = items[1];
    return node;
  }

  // (%builtin name)
  Node* Builtin(const Items& items, SourceSpan span) {
    const Name name = items[1]->symbol;
    const GlobalSlot* slot = FindBuiltin(name);
    if (!slot) return Undefined(name, span);
    Node* node = New(Node::Kind::kGlobal, span);
    node->name = name;
    node->binding = {Binding::Kind::kBuiltin, *slot};
    return node;
  }

  Node* If(const Items& items, SourceSpan span) { return Generic(Node::Kind::kIf, items, span); }
  Node* Values(const Items& items, SourceSpan span) {
    if (items.size() == 2) return Form(items[1]);
    return Generic(Node::Kind::kValues, items, span);
  }
  Node* CallWithValues(const Items& items, SourceSpan span) {
    return Generic(Node::Kind::kCallWithValues, items, span);
  }
  Node* CallCc(const Items& items, SourceSpan span) {
    return Generic(Node::Kind::kCallCc, items, span);
  }
  Node* DynamicWind(const Items& items, SourceSpan span) {
    return Generic(Node::Kind::kDynamicWind, items, span);
  }
  Node* WithHandler(const Items& items, SourceSpan span) {
    return Generic(Node::Kind::kWithHandler, items, span);
  }
  Node* Generic(Node::Kind kind, const Items& items, SourceSpan span) {
    Node* node = New(kind, span);
    for (size_t i = 1; i < items.size(); ++i) node->operands.push_back(Form(items[i]));
    return node;
  }

  // (apply f a... list): the operator comes last, as in calls.
  Node* Apply(const Items& items, SourceSpan span) {
    Node* node = New(Node::Kind::kApply, span);
    for (size_t i = 2; i < items.size(); ++i) node->operands.push_back(Form(items[i]));
    node->operands.push_back(Form(items[1]));
    return node;
  }

  Node* Catch(const Items& items, SourceSpan span) {
    return Tagged(Node::Kind::kCatch, items, span);
  }
  Node* Raise(const Items& items, SourceSpan span) {
    return Tagged(Node::Kind::kRaise, items, span);
  }
  Node* Tagged(Node::Kind kind, const Items& items, SourceSpan span) {
    Node* node = New(kind, span);
    if (items[1]->IsPair()) node->datum = items[1]->Cdr()->Car();
    if (!items[1]->IsPair() && items[1]->boolean) node->datum = items[1];
    node->operands.push_back(Form(items[2]));
    return node;
  }

  Node* Begin(const Items& items, SourceSpan span) {
    return Sequence({items.begin() + 1, items.end()}, span);
  }

  Node* Sequence(const Items& forms, SourceSpan span) {
    if (forms.size() == 1) return Form(forms[0]);
    Node* node = New(Node::Kind::kSeq, span);
    for (const Datum* form : forms) node->operands.push_back(Form(form));
    if (forms.empty()) node->operands.push_back(New(Node::Kind::kConst, span));
    return node;
  }

  Node* Lambda(const Items& items, SourceSpan span) {
    LambdaNode* lambda = ast_.NewLambda();
    lambda->name = pending_name_.empty() ? base_name_ + "_lambda" + std::to_string(++lambda_count_)
                                         : std::exchange(pending_name_, "");
    Scope scope{scope_, {}};
    const Datum* formals = items[1];
    for (; formals->IsPair(); formals = formals->Cdr()) {
      scope.variables.push_back(ast_.NewVariable(formals->Car()->symbol));
    }
    if (formals->IsSymbol()) {
      scope.variables.push_back(ast_.NewVariable(formals->symbol));
      lambda->has_rest = true;
    }
    lambda->parameters = scope.variables;
    lambda->body = Body(&scope, items, 2, span);
    Node* node = New(Node::Kind::kLambda, span);
    node->lambda = lambda;
    return node;
  }

  Node* Body(Scope* scope, const Items& items, size_t first, SourceSpan span) {
    Scope* outer = std::exchange(scope_, scope);
    Node* body = Sequence({items.begin() + first, items.end()}, span);
    scope_ = outer;
    return body;
  }

  // Gives the procedure that `form` makes, if any, the name it is bound to.
  Node* Named(Name name, const Datum* form) {
    if (form->IsPair() && form->Car()->IsSymbol(lambda_head_)) pending_name_ = *name;
    return Form(form);
  }

  static Items BindingList(const Datum* list) {
    Items bindings;
    ListElements(list, &bindings);
    return bindings;
  }

  Node* Let(const Items& items, SourceSpan span) {
    Node* node = New(Node::Kind::kLet, span);
    Scope scope{scope_, {}};
    for (const Datum* binding : BindingList(items[1])) {
      const Name name = binding->Car()->symbol;
      node->operands.push_back(Named(name, binding->Cdr()->Car()));
      scope.variables.push_back(ast_.NewVariable(name));
    }
    node->variables = scope.variables;
    node->operands.push_back(Body(&scope, items, 2, span));
    return node;
  }

  Node* Letrec(const Items& items, SourceSpan span) {
    Node* node = New(Node::Kind::kLetrec, span);
    Scope scope{scope_, {}};
    const Items bindings = BindingList(items[1]);
    for (const Datum* binding : bindings) {
      scope.variables.push_back(ast_.NewVariable(binding->Car()->symbol));
    }
    node->variables = scope.variables;
    Scope* outer = std::exchange(scope_, &scope);
    for (const Datum* binding : bindings) {
      node->operands.push_back(Named(binding->Car()->symbol, binding->Cdr()->Car()));
    }
    scope_ = outer;
    MarkEarlyUses(node);
    node->operands.push_back(Body(&scope, items, 2, span));
    return node;
  }

  // Variables whose value is not there when a closure may already capture them count as assigned.
  // When all inits are lambdas the emitter makes the closures first and fills their captures in.
  static void MarkEarlyUses(Node* letrec) {
    for (Node* init : letrec->operands) {
      if (init->kind == Node::Kind::kLambda) continue;
      for (Variable* variable : letrec->variables) variable->assigned = true;
      return;
    }
  }

  Node* Set(const Items& items, SourceSpan span) {
    const Name name = items[1]->symbol;
    if (Variable* variable = FindLocal(name)) {
      Node* node = New(Node::Kind::kSetLocal, span);
      variable->assigned = true;
      node->variable = variable;
      node->operands.push_back(Named(name, items[2]));
      return node;
    }
    auto it = module_.environment.find(name);
    if (it == module_.environment.end()) {
      if (FindBuiltin(name)) return Fail(span, "Cannot assign to immutable variable: " + *name);
      return Undefined(name, items[1]->span);
    }
    if (it->second.kind != Binding::Kind::kOwn) {
      return Fail(span, "Cannot assign to immutable import: " + *name);
    }
    return SetGlobal(it->second, items, span);
  }

  Node* Define(const Items& items, SourceSpan span) {
    auto it = module_.environment.find(items[1]->symbol);
    ETA_CHECK(it != module_.environment.end());  // the linker binds every definition
    Node* node = SetGlobal(it->second, items, span);
    node->is_definition = true;
    return node;
  }

  Node* SetGlobal(Binding binding, const Items& items, SourceSpan span) {
    Node* node = New(Node::Kind::kSetGlobal, span);
    node->binding = binding;
    node->name = items[1]->symbol;
    node->operands.push_back(Named(node->name, items[2]));
    return node;
  }

  Node* Reference(const Datum* symbol) {
    if (Variable* variable = FindLocal(symbol->symbol)) {
      Node* node = New(Node::Kind::kLocal, symbol->span);
      node->variable = variable;
      return node;
    }
    Node* node = New(Node::Kind::kGlobal, symbol->span);
    node->name = symbol->symbol;
    auto it = module_.environment.find(symbol->symbol);
    if (it != module_.environment.end()) {
      node->binding = it->second;
    } else if (const GlobalSlot* slot = FindBuiltin(symbol->symbol)) {
      node->binding = {Binding::Kind::kBuiltin, *slot};
    } else {
      return Undefined(symbol->symbol, symbol->span);
    }
    return node;
  }

  Variable* FindLocal(Name name) const {
    for (Scope* scope = scope_; scope != nullptr; scope = scope->outer) {
      for (size_t i = scope->variables.size(); i-- > 0;) {
        if (scope->variables[i]->name == name) return scope->variables[i];
      }
    }
    return nullptr;
  }

  // By its text: a macro may bring in a name of its own for a builtin.
  const GlobalSlot* FindBuiltin(Name name) { return vm_.FindBuiltin(vm_.names().Intern(*name)); }

  Node* Undefined(Name name, SourceSpan span) {
    if (const std::string* error = vm_.ExtensionError(name)) {
      return Fail(span, *name + ": " + *error);
    }
    std::vector<std::string_view> candidates = vm_.BuiltinNames();
    for (const auto& [known, binding] : module_.environment) candidates.push_back(*known);
    for (Scope* scope = scope_; scope != nullptr; scope = scope->outer) {
      for (Variable* variable : scope->variables) candidates.push_back(*variable->name);
    }
    std::string hint = ExportedBy(*name);
    if (hint.empty()) hint = DidYouMean(*name, candidates);
    if (hint.empty()) hint = NearestExport(*name);
    return Fail(span, "Undefined symbol: " + *name + hint);
  }

  Vm& vm_;
  Ast& ast_;
  const std::string base_name_;
  const Module& module_;
  std::unordered_map<Name, Handler> forms_;
  Name lambda_head_;
  Scope* scope_ = nullptr;
  std::string pending_name_;
  int lambda_count_ = 0;
  int depth_ = 0;
  std::optional<Diagnostic> error_;
};

}  // namespace

Result<LambdaNode*> Analyze(Vm& vm, Ast& ast, const std::string& name,
                            std::span<const Datum* const> forms, const Module& module) {
  return Analyzer(vm, ast, name, module).Run(forms);
}

}  // namespace eta
