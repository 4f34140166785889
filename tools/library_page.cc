#include "tools/library_page.h"

#include <algorithm>
#include <set>

#include "tools/documentation.h"
#include "tools/form_docs.h"
#include "vm/library_index.h"
#include "vm/macro_library.h"
#include "vm/special_forms.h"

namespace eta {
namespace {

// Modules whose procedures are operations on tensors, or about replicas; and what only the library
// itself uses.
bool IsElsewhere(std::string_view module) {
  const std::set<std::string_view> modules = {"std.options", "std.parallel", "std.tensor",
                                              "std.torch"};
  return modules.contains(module);
}

// A cell of a table, which no bar may end.
std::string Cell(std::string_view text) {
  std::string cell;
  for (char c : text) cell += c == '|' ? "\\|" : std::string(1, c);
  return cell;
}

class PageMaker {
 public:
  explicit PageMaker(Vm& vm) : vm_(vm) {}

  LibraryPage Run() {
    page_.text =
        "# The library\n\n"
        "What every program can use; `:doc NAME` in `eta_repl` says the same. The operations on\n"
        "tensors are in `ops.md`, `std.parallel` in `parallel.md`. This page is made from the\n"
        "sources.\n";
    AddForms();
    AddBuiltins();
    AddModules();
    return std::move(page_);
  }

 private:
  void Begin(const std::string& title) {
    page_.text += "\n## " + title + "\n\n| call | |\n|---|---|\n";
    seen_.clear();
  }

  // One row for all names that a description is of.
  void Add(const std::string& where, const std::string& name, std::string description) {
    std::replace(description.begin(), description.end(), '\n', ' ');
    const size_t end = description.find(": ");
    const bool is_described = end != std::string::npos;
    if (!is_described) page_.undescribed.push_back(where + ": " + name);
    if (!seen_.insert(description).second) return;
    const std::string call = is_described ? description.substr(0, end) : name;
    const std::string meaning = is_described ? description.substr(end + 2) : description;
    page_.text += "| `" + Cell(call) + "` | " + Cell(meaning) + " |\n";
  }

  void AddForms() {
    Begin("Forms");
    std::set<std::string> names;
    for (const SpecialForm& form : SpecialForms()) names.emplace(form.name);
    SymbolTable symbols;
    for (Name name : MacroLibrary(symbols).Names()) names.insert(*name);
    for (const std::string& name : names) {
      if (name.starts_with('%')) continue;
      Add("forms", name, Documentation(vm_, name).value_or(""));
    }
  }

  void AddBuiltins() {
    Begin("Builtins");
    const std::vector<std::string_view> all = vm_.BuiltinNames();
    for (std::string_view name : std::set<std::string_view>(all.begin(), all.end())) {
      const bool is_form = FindSpecialForm(name) != nullptr;
      if (name.starts_with('%') || is_form) continue;
      Add("builtins", std::string(name), Documentation(vm_, name).value_or(""));
    }
  }

  void AddModules() {
    std::string module;
    for (const LibraryExport& known : LibraryExports()) {
      if (IsElsewhere(known.module)) continue;
      if (known.module != module) Begin(known.module);
      module = known.module;
      Add(module, known.name, CommentOn(vm_, known.path, known.name));
    }
  }

  Vm& vm_;
  LibraryPage page_;
  std::set<std::string> seen_;
};

}  // namespace

LibraryPage MakeLibraryPage(Vm& vm) { return PageMaker(vm).Run(); }

}  // namespace eta
