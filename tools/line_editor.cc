#include "tools/line_editor.h"

#include <editline/readline.h>
#include <unistd.h>

#include <cstdlib>
#include <iostream>

namespace eta {

LineEditor::LineEditor()
    : is_interactive_(isatty(STDIN_FILENO) != 0 && isatty(STDOUT_FILENO) != 0) {}

std::optional<std::string> LineEditor::ReadLine(const char* prompt) {
  std::string line;
  if (!is_interactive_) {
    if (std::getline(std::cin, line)) return line;
    return std::nullopt;
  }
  char* typed = readline(prompt);
  if (typed == nullptr) return std::nullopt;
  line = typed;
  std::free(typed);
  return line;
}

void LineEditor::Remember(const std::string& entry) {
  if (is_interactive_ && !entry.empty()) add_history(entry.c_str());
}

}  // namespace eta
