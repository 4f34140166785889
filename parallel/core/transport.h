// Transport: carries bytes between the processes of a job, which all run the same program. What the
// bytes mean is the caller's affair.
//
// Transfers are collective: all processes call the same ones in the same order, one at a time.
// Letters go from one process to another at any time, also while a transfer waits.
//
// Thread safety: transfers and Close from one thread at a time; Post and Collect from one other
// thread, or the same one; the rest from any.
#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "parallel/core/status.h"

namespace eta::parallel {

class Transport {
 public:
  // Asked again and again while a transfer waits; true ends the waiting.
  using Over = std::function<bool()>;

  struct Letter {
    int from;
    std::vector<std::byte> bytes;
  };

  // Gives up whatever is under way, without waiting for anybody.
  virtual ~Transport() = default;

  virtual int process() const = 0;
  virtual int processes() const = 0;
  // The machine that the process runs on.
  virtual const std::string& host(int process) const = 0;
  // Whether transfers may be as large as tensors; these go another way otherwise.
  virtual bool ForTensors() const = 0;

  // --- transfers --------------------------------------------------------------------------------
  //
  // Not ok: kAborted if `over` ended it, else kPeerFailed with the carrier's own message. Then no
  // transfer works any more, and the memory must stay valid until the transport is gone: the
  // carrier may still write there.

  // `all` consists of one part for each process, of bytes[p] bytes. This one's own part is sent to
  // all, and theirs are received. Bytes are equal on all processes.
  virtual Status AllGather(std::byte* all, std::span<const size_t> bytes, const Over& over) = 0;

  // `sent` and `received` consist of one part for each process. Part p of `sent` goes to process p,
  // what process p sent to this one becomes part p of `received`. What a process sends to another
  // is as long as that one expects.
  virtual Status AllToAll(const std::byte* sent, std::span<const size_t> sent_bytes,
                          std::byte* received, std::span<const size_t> received_bytes,
                          const Over& over) = 0;

  // --- letters ----------------------------------------------------------------------------------

  // Sends a letter of at most 64 KB; letters between two processes keep their order. It does not
  // wait, and a process that is gone makes no difference.
  virtual void Post(int to, std::span<const std::byte> letter) = 0;
  // The next letter that has arrived, if there is one. It does not wait.
  virtual std::optional<Letter> Collect() = 0;
  // Ok, or why no letter goes or comes any more. It does not wait.
  virtual Status LettersLost() { return {}; }

  // --- the end ----------------------------------------------------------------------------------

  // Parts from the others, all of whom call it too, in good order. No letter goes or comes any
  // more.
  virtual Status Close(const Over& over) = 0;
};

}  // namespace eta::parallel
