// What a person types at a prompt.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace eta {

// Reads entries from standard input. On a terminal it edits, completes and remembers them;
// otherwise it just reads. One at a time in a process; one thread.
class LineEditor {
 public:
  struct Options {
    std::string history_file;  // kept from session to session; empty: nowhere
    // Whether an entry goes on in the next line.
    std::function<bool(const std::string& entry)> is_incomplete;
    // The words that begin with `prefix`; `at_start` when nothing stands before it. Sorted.
    std::function<std::vector<std::string>(std::string_view prefix, bool at_start)> complete;
  };
  struct Entry {
    enum class Kind { kText, kInterrupted, kEnd };
    Kind kind;
    std::string text;  // one or more lines, without the last newline
  };

  explicit LineEditor(Options options);
  ~LineEditor();

  bool is_interactive() const { return terminal_ != nullptr; }
  // The next entry; kInterrupted when SIGINT came while it was typed, whose handler must not
  // restart system calls.
  Entry Read();

 private:
  class Terminal;
  Entry ReadPlainly();

  Options options_;
  std::unique_ptr<Terminal> terminal_;
};

}  // namespace eta
