// A program at a terminal, as a person uses it.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

namespace eta {

class Terminal {
 public:
  // Starts the program; `environment` are NAME=value on top of the test's own.
  Terminal(const std::vector<std::string>& command, const std::vector<std::string>& environment);
  // Kills it if it still runs.
  ~Terminal();
  Terminal(const Terminal&) = delete;
  Terminal& operator=(const Terminal&) = delete;

  void Type(const std::string& keys);
  // Reads until the text shows up behind what earlier calls waited for. False: it does not, in ten
  // seconds.
  bool WaitFor(const std::string& text);
  // All that it wrote so far.
  const std::string& screen() const { return screen_; }
  // The exit status, negative for a signal or when it does not end within ten seconds.
  int WaitForEnd();

 private:
  bool ReadMore(int timeout_ms);

  int master_ = -1;
  pid_t child_ = -1;
  std::string screen_;
  size_t seen_ = 0;  // of the screen, by WaitFor
};

}  // namespace eta
