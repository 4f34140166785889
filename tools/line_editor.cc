#include "tools/line_editor.h"

#include <histedit.h>
#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <iostream>
#include <utility>

#include "vm/utf8.h"

namespace eta {
namespace {

constexpr int kHistorySize = 2000;
// A key that nobody types, for what Enter does usually.
constexpr const char* kAcceptKey = "\x1e";

// What ends the word that is being completed.
bool EndsWord(char c) { return std::string_view(" \t\n()[]'`,;\"").find(c) != std::string::npos; }

size_t CommonPrefix(const std::vector<std::string>& words) {
  size_t length = words[0].size();
  for (const std::string& word : words) {
    const auto differ = std::mismatch(word.begin(), word.end(), words[0].begin(), words[0].end());
    length = std::min<size_t>(length, differ.first - word.begin());
  }
  return length;
}

// Columns of words, as a shell lists files.
void PrintColumns(const std::vector<std::string>& words) {
  constexpr size_t kWidth = 80, kMostShown = 200;
  const auto shown = std::min(words.size(), kMostShown);
  size_t widest = 0;
  for (size_t i = 0; i < shown; ++i) widest = std::max(widest, words[i].size() + 2);
  const size_t columns = std::max<size_t>(1, kWidth / widest);
  for (size_t i = 0; i < shown; ++i) {
    const bool last = i + 1 == shown || (i + 1) % columns == 0;
    std::printf("%-*s%s", last ? 0 : static_cast<int>(widest), words[i].c_str(), last ? "\n" : "");
  }
  if (shown < words.size()) std::printf("and %zu more\n", words.size() - shown);
}

}  // namespace

// libedit's editor. Enter ends an entry only when it is complete; otherwise it starts a new line of
// the same entry, over all of which the cursor can move.
class LineEditor::Terminal {
 public:
  explicit Terminal(const Options& options)
      : options_(options),
        editor_(el_init("eta", stdin, stdout, stderr)),
        history_(history_init()) {
    el_set(editor_, EL_CLIENTDATA, this);
    el_set(editor_, EL_PROMPT, Prompt);
    el_set(editor_, EL_EDITOR, "emacs");
    el_set(editor_, EL_SIGNAL, 0);
    el_set(editor_, EL_GETCFN, ReadCharacter);
    el_set(editor_, EL_ADDFN, "eta-enter", "End the entry or the line", Enter);
    el_set(editor_, EL_ADDFN, "eta-complete", "Complete the word", Complete);
    el_set(editor_, EL_BIND, kAcceptKey, "ed-newline", nullptr);
    el_set(editor_, EL_BIND, "^M", "eta-enter", nullptr);
    el_set(editor_, EL_BIND, "^J", "eta-enter", nullptr);
    el_set(editor_, EL_BIND, "^I", "eta-complete", nullptr);
    el_set(editor_, EL_BIND, "^R", "em-inc-search-prev", nullptr);
    el_set(editor_, EL_HIST, history, history_);
    HistEvent event;
    history(history_, &event, H_SETSIZE, kHistorySize);
    history(history_, &event, H_SETUNIQUE, 1);
    if (!options_.history_file.empty()) {
      history(history_, &event, H_LOAD, options_.history_file.c_str());
    }
  }
  ~Terminal() {
    history_end(history_);
    el_end(editor_);
  }
  Terminal(const Terminal&) = delete;
  Terminal& operator=(const Terminal&) = delete;

  Entry Read() {
    interrupted_ = false;
    int count = 0;
    // SIGINT comes only while a key is awaited: at any other time it would be lost.
    sigset_t interrupt;
    sigemptyset(&interrupt);
    sigaddset(&interrupt, SIGINT);
    pthread_sigmask(SIG_BLOCK, &interrupt, &usual_signals_);
    // Before el_gets shows the prompt: the terminal takes a Ctrl-D that is typed too early for
    // itself.
    el_set(editor_, EL_PREP_TERM, 1);
    const char* typed = el_gets(editor_, &count);
    pthread_sigmask(SIG_SETMASK, &usual_signals_, nullptr);
    if (interrupted_) {
      std::fputs("^C\n", stdout);
      return {Entry::Kind::kInterrupted, ""};
    }
    if (typed == nullptr || count <= 0) return {Entry::Kind::kEnd, ""};
    std::string text(typed, static_cast<size_t>(count));
    if (text.ends_with('\n')) text.pop_back();
    Remember(text);
    return {Entry::Kind::kText, std::move(text)};
  }

 private:
  static Terminal& Of(EditLine* editor) {
    void* self = nullptr;
    el_get(editor, EL_CLIENTDATA, &self);
    return *static_cast<Terminal*>(self);
  }

  static char* Prompt(EditLine*) {
    static char prompt[] = "eta> ";
    return prompt;
  }

  // A character of the input; SIGINT ends the entry, which libedit's own reader does not do.
  static int ReadCharacter(EditLine* editor, wchar_t* character) {
    char bytes[4];
    for (size_t count = 1; count <= sizeof bytes; ++count) {
      Terminal& self = Of(editor);
      struct pollfd input = {.fd = STDIN_FILENO, .events = POLLIN, .revents = 0};
      const bool ready = ppoll(&input, 1, nullptr, &self.usual_signals_) > 0;
      const ssize_t got = ready ? read(STDIN_FILENO, &bytes[count - 1], 1) : -1;
      if (got < 0) self.interrupted_ = errno == EINTR;
      if (got <= 0) return static_cast<int>(got);
      size_t position = 0;
      uint32_t code_point;
      if (DecodeUtf8(std::string_view(bytes, count), &position, &code_point)) {
        *character = static_cast<wchar_t>(code_point);
        return 1;
      }
    }
    *character = L'?';
    return 1;
  }

  static unsigned char Enter(EditLine* editor, int) {
    const LineInfo* line = el_line(editor);
    const std::string text(line->buffer, line->lastchar);
    const bool at_end = line->cursor == line->lastchar;
    if (at_end && Of(editor).options_.is_incomplete(text)) {
      el_insertstr(editor, "\n");
      return CC_REFRESH;
    }
    el_push(editor, kAcceptKey);
    return CC_NORM;
  }

  static unsigned char Complete(EditLine* editor, int) {
    const LineInfo* line = el_line(editor);
    const char* begin = line->cursor;
    while (begin > line->buffer && !EndsWord(begin[-1])) --begin;
    const std::string prefix(begin, line->cursor);
    const auto words = Of(editor).options_.complete(prefix, begin == line->buffer);
    if (words.empty()) return CC_REFRESH_BEEP;
    const std::string more = words[0].substr(prefix.size(), CommonPrefix(words) - prefix.size());
    if (!more.empty() || words.size() == 1) {
      return el_insertstr(editor, more.c_str()) == 0 ? CC_REFRESH : CC_ERROR;
    }
    std::fputs("\n", stdout);
    PrintColumns(words);
    return CC_REDISPLAY;
  }

  void Remember(const std::string& entry) {
    if (entry.find_first_not_of(" \t\n") == std::string::npos) return;
    HistEvent event;
    history(history_, &event, H_ENTER, entry.c_str());
    if (!options_.history_file.empty()) {
      history(history_, &event, H_SAVE, options_.history_file.c_str());
    }
  }

  const Options& options_;
  EditLine* const editor_;
  History* const history_;
  bool interrupted_ = false;
  sigset_t usual_signals_;
};

LineEditor::LineEditor(Options options) : options_(std::move(options)) {
  if (isatty(STDIN_FILENO) != 0 && isatty(STDOUT_FILENO) != 0) {
    terminal_ = std::make_unique<Terminal>(options_);
  }
}

LineEditor::~LineEditor() = default;

LineEditor::Entry LineEditor::Read() { return terminal_ ? terminal_->Read() : ReadPlainly(); }

// Lines up to where the entry is complete, or the input ends.
LineEditor::Entry LineEditor::ReadPlainly() {
  std::string text, line;
  bool any = false;
  while (std::getline(std::cin, line)) {
    text += (any ? "\n" : "") + line;
    any = true;
    if (!options_.is_incomplete(text)) break;
  }
  return {any ? Entry::Kind::kText : Entry::Kind::kEnd, std::move(text)};
}

}  // namespace eta
