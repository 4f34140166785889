// Lines that a person types.
#pragma once

#include <optional>
#include <string>

namespace eta {

// Reads standard input. On a terminal it prompts, edits and remembers lines; otherwise it just
// reads. One at a time in a process.
class LineEditor {
 public:
  LineEditor();
  bool is_interactive() const { return is_interactive_; }
  // The next line without its newline; nothing at the end of the input.
  std::optional<std::string> ReadLine(const char* prompt);
  // Keeps what was entered for the arrow keys.
  void Remember(const std::string& entry);

 private:
  bool is_interactive_;
};

}  // namespace eta
