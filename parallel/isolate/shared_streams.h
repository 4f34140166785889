// SharedStreams: the process's standard streams as the ranks of a group share them. Whole pieces go
// out at once, and input is read once, for everybody.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdio>
#include <string>
#include <string_view>
#include <vector>

#include "base/mutex.h"
#include "base/thread_annotations.h"
#include "vm/console.h"

namespace eta::parallel {

// Keeps back the beginnings of lines.
class LineKeeper {
 public:
  // Writes them as if they had ended there. Any thread.
  virtual void CompleteLines() = 0;

 protected:
  ~LineKeeper() = default;
};

// Thread safety: any thread.
class SharedStreams {
 public:
  // The files stay the caller's. `input` is a descriptor.
  SharedStreams(FILE* out, FILE* error, int input) : out_(out), error_(error), input_(input) {}
  // Those of a program that waits meanwhile.
  explicit SharedStreams(Console& console) : console_(&console) {}
  SharedStreams(const SharedStreams&) = delete;
  SharedStreams& operator=(const SharedStreams&) = delete;

  void WriteOut(std::string_view bytes) EXCLUDES_LOCK(console_mu_);
  void WriteError(std::string_view bytes) EXCLUDES_LOCK(console_mu_);
  void Flush() EXCLUDES_LOCK(console_mu_);
  // Whether a file is changed in earnest (Console::WritesFile).
  bool WritesFile(std::string_view path) EXCLUDES_LOCK(console_mu_);
  // The first call of all.
  bool FirstNote() EXCLUDES_LOCK(mu_);

  // The line of the input that begins at `*position`, which is moved behind it; with its newline,
  // empty at the end. Waits until somebody has read that far.
  std::string ReadLine(size_t* position) EXCLUDES_LOCK(mu_);

  // The keeper is asked to complete its lines by FlushAll, until it is removed.
  void Add(LineKeeper& keeper) EXCLUDES_LOCK(keepers_mu_);
  void Remove(LineKeeper& keeper) EXCLUDES_LOCK(keepers_mu_);
  // Before the process is ended by force: completes lines and flushes every file of the process,
  // unless a writer that hangs keeps one for longer than this time. The streams must last until the
  // process ends.
  void FlushAll(std::chrono::nanoseconds patience) EXCLUDES_LOCK(keepers_mu_);

 private:
  void CompleteLines() EXCLUDES_LOCK(keepers_mu_);
  void ReadMoreLocked() REQUIRES_LOCK(mu_);
  std::string ReadSome();

  FILE* const out_ = nullptr;
  FILE* const error_ = nullptr;
  const int input_ = -1;
  Mutex console_mu_;
  Console* const console_ = nullptr;  // instead of the three; written to under its mutex
  Mutex mu_;
  CondVar changed_;
  std::string text_ GUARDED_BY(mu_);  // all input so far
  bool at_end_ GUARDED_BY(mu_) = false;
  bool reading_ GUARDED_BY(mu_) = false;  // one rank waits in read, without the mutex
  bool noted_ GUARDED_BY(mu_) = false;
  Mutex keepers_mu_;  // held while keepers complete their lines, so that they last that long
  std::vector<LineKeeper*> keepers_ GUARDED_BY(keepers_mu_);
};

}  // namespace eta::parallel
