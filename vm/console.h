// Console: where a VM's standard streams and files go. A host substitutes its own to prefix,
// discard or capture (replicas write through one that belongs to their rank).
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace eta {

// Thread safety: one VM's thread, unless an implementation says more.
class Console {
 public:
  virtual ~Console() = default;
  virtual void WriteOut(std::string_view bytes) = 0;  // buffered
  virtual void WriteError(std::string_view bytes) = 0;
  virtual void Flush() = 0;
  // The next line of standard input with its newline; empty at the end.
  virtual std::string ReadLine() = 0;
  // Asked before a file at `path` is changed. False: what is written is discarded (by replicas
  // other than the first), and the console has said so.
  virtual bool WritesFile(std::string_view /*path*/) { return true; }
};

// The process's stdin, stdout and stderr. Stdout is flushed before anything goes to stderr.
std::unique_ptr<Console> MakeProcessConsole();

}  // namespace eta
