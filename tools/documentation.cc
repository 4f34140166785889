#include "tools/documentation.h"

#include <vector>

#include "stdlib/embedded.h"
#include "tools/form_docs.h"
#include "vm/code.h"
#include "vm/library_index.h"

namespace eta {
namespace {

std::vector<std::string_view> Lines(std::string_view text) {
  std::vector<std::string_view> lines;
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size());
    lines.push_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return lines;
}

std::string_view WithoutIndent(std::string_view line) {
  return line.substr(std::min(line.find_first_not_of(' '), line.size()));
}

// Whether `line` begins the definition of `name`.
bool Defines(std::string_view line, std::string_view name) {
  line = WithoutIndent(line);
  for (std::string_view head : {"(define (", "(define ", "(define-syntax "}) {
    if (!line.starts_with(head)) continue;
    const std::string_view rest = line.substr(head.size());
    if (!rest.starts_with(name)) continue;
    const size_t end = name.size();
    if (end == rest.size() || rest[end] == ' ' || rest[end] == ')') return true;
  }
  return false;
}

bool IsComment(std::string_view line) { return WithoutIndent(line).starts_with("; "); }

// The comment above the line. `shared`: or above the definitions right before it.
std::string CommentAbove(const std::vector<std::string_view>& lines, size_t at, bool shared) {
  while (shared && at > 0 && WithoutIndent(lines[at - 1]).starts_with("(define ")) --at;
  size_t begin = at;
  while (begin > 0 && IsComment(lines[begin - 1])) --begin;
  std::string text;
  for (size_t i = begin; i < at; ++i) {
    text.append(text.empty() ? "" : "\n").append(WithoutIndent(lines[i]).substr(2));
  }
  return text;
}

// (define name other): the other name, or "".
std::string_view AliasIn(std::string_view line) {
  const size_t begin = line.rfind(' ') + 1;
  const size_t end = line.find(')', begin);
  const bool is_name = WithoutIndent(line).starts_with("(define ") &&
                       end != std::string_view::npos &&
                       line.find_first_of("(\"#", begin) == std::string_view::npos;
  return is_name && line.find("(define (") == std::string_view::npos
             ? line.substr(begin, end - begin)
             : "";
}

std::string DocOfBuiltin(Vm& vm, std::string_view name) {
  const GlobalSlot* slot = vm.FindBuiltin(vm.names().Intern(name));
  const auto* native = slot ? As<NativeObject>(vm.globals()[*slot]) : nullptr;
  return native ? std::string(native->def->doc) : "";
}

// What the line that defines a name shows of its parameters.
std::string Usage(std::string_view line) {
  const size_t open = line.find('(', line.find("(define (") + 1);
  const size_t close = line.find(')');
  const bool procedure = WithoutIndent(line).starts_with("(define (") && close != line.npos;
  return procedure ? std::string(line.substr(open, close + 1 - open)) : "";
}

std::string_view FileText(std::string_view path) {
  for (const EmbeddedFile& file : EmbeddedStdlib()) {
    if (file.path == path) return file.text;
  }
  return "";
}

std::string ModulePathOf(std::string module) {
  for (char& c : module) c = c == '.' ? '/' : c;
  return module + ".eta";
}

// Of what the library defines: in the modules that export the name, or for all programs.
std::optional<std::string> InLibrary(Vm& vm, std::string_view name) {
  for (const char* path : {"builtins.eta", "syntax.eta"}) {
    const std::string text = CommentOn(vm, path, name);
    if (!text.empty()) return text;
  }
  for (const std::string& module : LibraryExporters(name)) {
    const std::string text = CommentOn(vm, ModulePathOf(module), name);
    return text + (text.empty() ? "in " : "\nin ") + module;
  }
  return std::nullopt;
}

std::string ArgumentsText(int least, int most) {
  std::string text = std::to_string(least);
  if (most < 0) text = "at least " + text;
  if (most > least) text += " to " + std::to_string(most);
  return text + (text == "1" ? " argument" : " arguments");
}

std::string KindOfObject(Value v) {
  switch (v.AsObject()->kind) {
    case ObjectKind::kPair:
      return "pair";
    case ObjectKind::kString:
      return "string";
    case ObjectKind::kSymbol:
      return "symbol";
    case ObjectKind::kVector:
      return "vector of " + std::to_string(As<VectorObject>(v)->length);
    case ObjectKind::kBytevector:
      return "bytevector of " + std::to_string(As<BytevectorObject>(v)->length);
    case ObjectKind::kInt64:
      return "integer";
    case ObjectKind::kClosure: {
      const Code& code = *As<ClosureObject>(v)->code;
      const int least = static_cast<int>(code.required_args);
      return "procedure of " + ArgumentsText(least, code.has_rest ? -1 : least);
    }
    case ObjectKind::kNative: {
      const NativeDef& def = *As<NativeObject>(v)->def;
      return "builtin procedure of " + ArgumentsText(def.min_args, def.max_args);
    }
    case ObjectKind::kContinuation:
      return "continuation";
    case ObjectKind::kValues:
      return std::to_string(As<ValuesObject>(v)->length) + " values";
    case ObjectKind::kForeign:
      return std::string(As<ForeignObject>(v)->type->name);
    default:
      return "object";
  }
}

}  // namespace

std::string CommentOn(Vm& vm, std::string_view path, std::string_view name) {
  const auto lines = Lines(FileText(path));
  for (size_t i = 0; i < lines.size(); ++i) {
    if (!Defines(lines[i], name)) continue;
    const std::string_view alias = AliasIn(lines[i]);
    const bool is_operation = alias.find('/') != std::string_view::npos;  // torch/add
    std::string text = is_operation ? DocOfBuiltin(vm, alias) : "";
    if (text.empty()) text = CommentAbove(lines, i, /*shared=*/false);
    if (text.empty()) text = CommentAbove(lines, i, /*shared=*/true);
    if (text.empty() && !alias.empty() && alias != name) text = CommentOn(vm, path, alias);
    if (text.empty() && !alias.empty()) text = DocOfBuiltin(vm, alias);
    return text.empty() ? Usage(lines[i]) : text;
  }
  return "";
}

std::optional<std::string> Documentation(Vm& vm, std::string_view name) {
  if (const auto form = FormDocumentation(name)) return std::string(*form);
  const std::string builtin = DocOfBuiltin(vm, name);
  return builtin.empty() ? InLibrary(vm, name) : builtin;
}

std::string KindOf(Value v) {
  if (v.IsObject()) return KindOfObject(v);
  if (v.IsNil()) return "the empty list";
  if (v.IsBool()) return "boolean";
  if (v.IsChar()) return "character";
  return v.IsDouble() ? "float" : "integer";
}

}  // namespace eta
