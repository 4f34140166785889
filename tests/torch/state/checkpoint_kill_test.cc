// A checkpoint is written while the writer is killed at each of its system calls, before and in the
// midst of it: what is there afterwards is the checkpoint of before, or the new one, whole.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdarg>
#include <cstdlib>
#include <string>

#include "tests/support/temporary_folder.h"
#include "tests/torch/script.h"

namespace {

// Calls left until the process is killed; negative: it is not.
int calls_left = -1;
bool halfway = false;  // the call is carried out first; of a write, its first half
int calls_seen = 0;
bool counting = false;

void Kill() { raise(SIGKILL); }

// Whether this call is the one to die in.
bool IsLast() {
  if (!counting) return false;
  ++calls_seen;
  return calls_left >= 0 && calls_left-- == 0;
}

template <class Call>
auto Counted(const Call& call) {
  const bool last = IsLast();
  if (last && !halfway) Kill();
  const auto result = call();
  if (last) Kill();
  return result;
}

}  // namespace

// They take the place of the C library's in this program.
extern "C" {

int open(const char* path, int flags, ...) {
  va_list arguments;
  va_start(arguments, flags);
  const int mode = (flags & O_CREAT) != 0 ? va_arg(arguments, int) : 0;
  va_end(arguments);
  return Counted(
      [&] { return static_cast<int>(syscall(SYS_openat, AT_FDCWD, path, flags, mode)); });
}

ssize_t write(int fd, const void* data, size_t size) {
  const bool last = IsLast();
  if (last && !halfway) Kill();
  const ssize_t written = syscall(SYS_write, fd, data, last ? size / 2 : size);
  if (last) Kill();
  return written;
}

int fsync(int fd) {
  return Counted([&] { return static_cast<int>(syscall(SYS_fsync, fd)); });
}

int close(int fd) {
  return Counted([&] { return static_cast<int>(syscall(SYS_close, fd)); });
}

int rename(const char* from, const char* to) noexcept {
  return Counted([&] { return static_cast<int>(syscall(SYS_rename, from, to)); });
}

}  // extern "C"

namespace eta::tensor {
namespace {

// A model that was trained for a step, by an optimizer with state.
std::string Trained(int seed) {
  return "(import std.optim) (torch/manual-seed " + std::to_string(seed) +
         ") (define model (nn/linear 3 2)) (define opt (optim/adam model 0.1))"
         "(torch/backward (torch/sum (nn/forward model (torch/ones '(4 3))))) (optim/step! opt)";
}

std::string Save(const std::string& path, int step) {
  return Trained(step) + "(save-checkpoint \"" + path + "\" 'model model 'optimizer opt 'step " +
         std::to_string(step) + ")";
}

constexpr const char* kShow = "(write (map torch/to-list (nn/parameters model)))";

// The step, and the weights.
std::string Load(const std::string& path) {
  return Trained(9) + "(write (hash-map-ref (load-checkpoint \"" + path +
         "\" 'model model 'optimizer opt) 'step))" + kShow;
}

std::string Expected(int step) {
  return Script().Run(Trained(step) + "(write " + std::to_string(step) + ")" + kShow);
}

// In a process of its own: returns how it ended (waitpid) and, if it lived, how many calls it made.
int SaveInChild(const std::string& path, int kill_at, bool in_the_midst, int* calls) {
  int pipe_ends[2];
  EXPECT_EQ(pipe(pipe_ends), 0);
  const pid_t child = fork();
  if (child == 0) {
    Script script;
    script.Run(Trained(2));  // loads all that a program loads
    calls_left = kill_at;
    halfway = in_the_midst;
    counting = true;
    const std::string result = script.Run(Save(path, 2));
    counting = false;
    syscall(SYS_write, pipe_ends[1], &calls_seen, sizeof calls_seen);
    _exit(result.empty() ? 0 : 1);
  }
  close(pipe_ends[1]);
  int status = 0;
  waitpid(child, &status, 0);
  if (read(pipe_ends[0], calls, sizeof *calls) != sizeof *calls) *calls = 0;
  close(pipe_ends[0]);
  return status;
}

TEST(CheckpointKillTest, ThePreviousOneOrTheNewOneIsThere) {
  const TemporaryFolder folder;
  const std::string path = folder.Path("run.ckpt");
  const std::string before = Expected(1), after = Expected(2);
  ASSERT_NE(before, after);
  int calls = 0, kept = 0, replaced = 0;
  ASSERT_EQ(SaveInChild(path, -1, false, &calls), 0);
  ASSERT_GE(calls, 8);  // open, writes, fsync, close, rename, and the folder's
  for (int k = 0; k < calls; ++k) {
    for (bool in_the_midst : {false, true}) {
      SCOPED_TRACE("call " + std::to_string(k) + (in_the_midst ? ", carried out" : ""));
      ASSERT_EQ(Script().Run(Save(path, 1)), "");
      int ignored;
      const int status = SaveInChild(path, k, in_the_midst, &ignored);
      ASSERT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL) << status;
      const std::string found = Script().Run(Load(path));
      ASSERT_TRUE(found == before || found == after) << found;
      found == before ? ++kept : ++replaced;
    }
  }
  EXPECT_GT(kept, 5);
  EXPECT_GT(replaced, 0);
}

}  // namespace
}  // namespace eta::tensor
