#include "vm/ast_dump.h"

#include <string_view>

namespace eta {
namespace {

using Kind = Node::Kind;

std::string_view KindName(const Node& node) {
  switch (node.kind) {
    case Kind::kConst:
      return "const";
    case Kind::kLocal:
      return "local";
    case Kind::kGlobal:
      return "global";
    case Kind::kSetLocal:
      return "set-local";
    case Kind::kSetGlobal:
      return node.is_definition ? "define" : "set-global";
    case Kind::kIf:
      return "if";
    case Kind::kSeq:
      return "sequence";
    case Kind::kLet:
      return "let";
    case Kind::kLetrec:
      return "letrec";
    case Kind::kLambda:
      return "lambda";
    case Kind::kLoop:
      return "loop";
    case Kind::kAgain:
      return "again";
    case Kind::kCall:
      return "call";
    case Kind::kApply:
      return "apply";
    case Kind::kValues:
      return "values";
    case Kind::kCallWithValues:
      return "call-with-values";
    case Kind::kCallCc:
      return "call/cc";
    case Kind::kDynamicWind:
      return "dynamic-wind";
    case Kind::kWithHandler:
      return "with-handler";
    case Kind::kCatch:
      return "catch";
    case Kind::kRaise:
      return "raise";
  }
  return "";
}

std::string_view KindName(Binding::Kind kind) {
  switch (kind) {
    case Binding::Kind::kOwn:
      return "own";
    case Binding::Kind::kImport:
      return "imported";
    case Binding::Kind::kBuiltin:
      return "builtin";
  }
  return "";
}

class AstDumper {
 public:
  void Procedure(const LambdaNode& procedure, int depth) {
    Line(depth,
         "procedure " + procedure.name + Names(" (", procedure.parameters, ")") +
             (procedure.has_rest ? " rest" : "") +
             (procedure.captures.empty() ? "" : Names(" captures (", procedure.captures, ")")));
    Visit(*procedure.body, depth + 1);
  }

  std::string text;

 private:
  void Line(int depth, const std::string& line) {
    text.append(static_cast<size_t>(2 * depth), ' ').append(line).append("\n");
  }

  static std::string Mark(const Variable& variable) {
    std::string name = *variable.name;
    if (variable.assigned) name += "*";
    if (variable.captured) name += "^";
    if (variable.in_box()) name += "#";
    return name;
  }

  static std::string Names(const char* open, const std::vector<Variable*>& variables,
                           const char* close) {
    std::string names;
    for (const Variable* variable : variables) {
      names += (names.empty() ? "" : " ") + Mark(*variable);
    }
    return open + names + close;
  }

  static std::string Describe(const Node& node) {
    std::string line(KindName(node));
    if (node.kind == Kind::kConst) return line + " " + (node.datum ? ToText(node.datum) : "()");
    if (node.variable) line += " " + Mark(*node.variable);
    if (node.name) line.append(" ").append(*node.name);
    if (node.kind == Kind::kGlobal) line.append(" ").append(KindName(node.binding.kind));
    if (!node.variables.empty()) line += Names(" (", node.variables, ")");
    if (node.datum) line += " " + ToText(node.datum);
    return line + "  ; line " + std::to_string(node.span.line);
  }

  void Visit(const Node& node, int depth) {
    if (node.kind == Kind::kLambda) return Procedure(*node.lambda, depth);
    Line(depth, Describe(node));
    for (const Node* operand : node.operands) Visit(*operand, depth + 1);
  }
};

}  // namespace

std::string DumpAst(const LambdaNode& procedure) {
  AstDumper dumper;
  dumper.Procedure(procedure, 0);
  return std::move(dumper.text);
}

}  // namespace eta
