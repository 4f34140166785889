#include "tests/terminal.h"

#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>

namespace eta {
namespace {

using Clock = std::chrono::steady_clock;
constexpr std::chrono::seconds kPatience(10);

[[noreturn]] void Execute(const std::vector<std::string>& command,
                          const std::vector<std::string>& environment) {
  setenv("TERM", "xterm", 1);
  setenv("NO_COLOR", "1", 1);
  for (const std::string& setting : environment) putenv(const_cast<char*>(setting.c_str()));
  std::vector<char*> arguments;
  for (const std::string& word : command) arguments.push_back(const_cast<char*>(word.c_str()));
  arguments.push_back(nullptr);
  execv(arguments[0], arguments.data());
  _exit(127);
}

}  // namespace

Terminal::Terminal(const std::vector<std::string>& command,
                   const std::vector<std::string>& environment) {
  struct winsize size = {.ws_row = 40, .ws_col = 120, .ws_xpixel = 0, .ws_ypixel = 0};
  child_ = forkpty(&master_, nullptr, nullptr, &size);
  if (child_ == 0) Execute(command, environment);
}

Terminal::~Terminal() {
  if (child_ > 0) {
    kill(child_, SIGKILL);
    waitpid(child_, nullptr, 0);
  }
  if (master_ >= 0) close(master_);
}

void Terminal::Type(const std::string& keys) {
  for (size_t done = 0; done < keys.size();) {
    const ssize_t count = write(master_, keys.data() + done, keys.size() - done);
    if (count <= 0) return;
    done += static_cast<size_t>(count);
  }
}

bool Terminal::ReadMore(int timeout_ms) {
  struct pollfd descriptor = {.fd = master_, .events = POLLIN, .revents = 0};
  if (poll(&descriptor, 1, timeout_ms) <= 0) return false;
  char buffer[4096];
  const ssize_t count = read(master_, buffer, sizeof buffer);
  if (count <= 0) return false;
  screen_.append(buffer, static_cast<size_t>(count));
  return true;
}

bool Terminal::WaitFor(const std::string& text) {
  const auto deadline = Clock::now() + kPatience;
  while (true) {
    const size_t at = screen_.find(text, seen_);
    if (at != std::string::npos) {
      seen_ = at + text.size();
      return true;
    }
    if (Clock::now() > deadline) return false;
    ReadMore(/*timeout_ms=*/100);
  }
}

int Terminal::WaitForEnd() {
  const auto deadline = Clock::now() + kPatience;
  while (Clock::now() < deadline) {
    int status = 0;
    if (waitpid(child_, &status, WNOHANG) == child_) {
      child_ = -1;
      return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    }
    ReadMore(/*timeout_ms=*/20);
  }
  return -1;
}

}  // namespace eta
