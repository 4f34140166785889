#include "parallel/isolate/shared_streams.h"

#include <unistd.h>

#include <cerrno>
#include <future>
#include <memory>
#include <thread>
#include <utility>

namespace eta::parallel {

bool SharedStreams::FirstNote() {
  MutexLock lock(mu_);
  return !std::exchange(noted_, true);
}

std::string SharedStreams::ReadLine(size_t* position) {
  MutexLock lock(mu_);
  size_t searched = *position;
  while (true) {
    const size_t newline = text_.find('\n', searched);
    if (newline != std::string::npos || at_end_) {
      const size_t end = newline != std::string::npos ? newline + 1 : text_.size();
      const size_t begin = std::exchange(*position, end);
      return text_.substr(begin, end - begin);
    }
    searched = text_.size();
    ReadMoreLocked();
  }
}

// Returns when there is more text or the end was seen; who comes second waits for the first.
void SharedStreams::ReadMoreLocked() {
  if (reading_) {
    changed_.Wait(mu_);
    return;
  }
  reading_ = true;
  mu_.Unlock();
  char buffer[1 << 16];
  ssize_t count;
  do {
    count = read(input_, buffer, sizeof(buffer));
  } while (count < 0 && errno == EINTR);
  mu_.Lock();
  reading_ = false;
  if (count > 0) text_.append(buffer, static_cast<size_t>(count));
  at_end_ = count <= 0;
  changed_.NotifyAll();
}

void FlushAllFiles(std::chrono::nanoseconds patience) {
  auto flushed = std::make_shared<std::promise<void>>();
  std::thread([flushed] {
    std::fflush(nullptr);
    flushed->set_value();
  }).detach();
  flushed->get_future().wait_for(patience);
}

}  // namespace eta::parallel
