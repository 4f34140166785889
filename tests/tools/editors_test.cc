// The editors' lists of forms are those of the language.
#include <gtest/gtest.h>

#include <fstream>
#include <set>
#include <sstream>
#include <string>

#include "vm/macro_library.h"
#include "vm/special_forms.h"

namespace eta {
namespace {

std::set<std::string> FormsOfTheLanguage() {
  std::set<std::string> forms;
  SymbolTable names;
  for (const SpecialForm& form : SpecialForms()) forms.emplace(form.name);
  for (Name name : MacroLibrary(names).Names()) forms.insert(*name);
  std::erase_if(forms, [](const std::string& name) { return name.starts_with('%'); });
  return forms;
}

std::string Contents(const std::string& path) {
  std::ifstream in(path);
  std::ostringstream text;
  text << in.rdbuf();
  EXPECT_FALSE(text.str().empty()) << path;
  return text.str();
}

// What stands between the two marks.
std::string Between(const std::string& text, const std::string& begin, const std::string& end) {
  const size_t from = text.find(begin);
  const size_t to = text.find(end, from + begin.size());
  EXPECT_TRUE(from != std::string::npos && to != std::string::npos) << begin;
  return text.substr(from + begin.size(), to - from - begin.size());
}

// The words of `text` between any of the separators, without backslashes.
std::set<std::string> Words(const std::string& text, const std::string& separators) {
  std::set<std::string> words;
  std::string word;
  for (char c : text + separators[0]) {
    if (separators.find(c) == std::string::npos) {
      if (c != '\\') word += c;
    } else if (!word.empty()) {
      words.insert(word);
      word.clear();
    }
  }
  return words;
}

TEST(EditorsTest, TextMateKnowsEveryForm) {
  const std::string text = Contents("tools/editors/vscode/syntaxes/eta.tmLanguage.json");
  const std::string form = Between(text, "\"form\": {", "}");
  EXPECT_EQ(Words(Between(form, "(?:", ")(?="), "|"), FormsOfTheLanguage());
}

TEST(EditorsTest, EmacsKnowsEveryForm) {
  const std::string text = Contents("tools/editors/emacs/eta-mode.el");
  EXPECT_EQ(Words(Between(text, "(defconst eta-forms\n  '(", ")"), "\" \n"), FormsOfTheLanguage());
}

}  // namespace
}  // namespace eta
