#include "parallel/isolate/shared_streams.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <future>
#include <memory>
#include <thread>
#include <utility>

#include "vm/standard_output.h"

namespace eta::parallel {

void SharedStreams::WriteOut(std::string_view bytes) {
  if (console_ == nullptr) {
    WriteOutput(out_, bytes);
    return;
  }
  MutexLock lock(console_mu_);
  console_->WriteOut(bytes);
}

void SharedStreams::WriteError(std::string_view bytes) {
  if (console_ == nullptr) {
    std::fwrite(bytes.data(), 1, bytes.size(), error_);
    return;
  }
  MutexLock lock(console_mu_);
  console_->WriteError(bytes);
}

void SharedStreams::Flush() {
  if (console_ == nullptr) {
    FlushOutput(out_);
    return;
  }
  MutexLock lock(console_mu_);
  console_->Flush();
}

bool SharedStreams::WritesFile(std::string_view path) {
  if (console_ == nullptr) return true;
  MutexLock lock(console_mu_);
  return console_->WritesFile(path);
}

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
  const std::string more = ReadSome();
  mu_.Lock();
  reading_ = false;
  text_ += more;
  at_end_ = more.empty();
  changed_.NotifyAll();
}

std::string SharedStreams::ReadSome() {
  // Not under the mutex: it may last. Consoles read and write apart from each other.
  if (console_ != nullptr) return console_->ReadLine();
  char buffer[1 << 16];
  ssize_t count;
  do {
    count = read(input_, buffer, sizeof(buffer));
  } while (count < 0 && errno == EINTR);
  return {buffer, static_cast<size_t>(std::max<ssize_t>(count, 0))};
}

void SharedStreams::Add(LineKeeper& keeper) {
  MutexLock lock(keepers_mu_);
  keepers_.push_back(&keeper);
}

void SharedStreams::Remove(LineKeeper& keeper) {
  MutexLock lock(keepers_mu_);
  std::erase(keepers_, &keeper);
}

void SharedStreams::CompleteLines() {
  MutexLock lock(keepers_mu_);
  for (LineKeeper* keeper : keepers_) keeper->CompleteLines();
}

void SharedStreams::FlushAll(std::chrono::nanoseconds patience) {
  auto flushed = std::make_shared<std::promise<void>>();
  std::thread([this, flushed] {
    // First what needs nobody else: lines may go to a stream that hangs.
    std::fflush(nullptr);
    CompleteLines();
    std::fflush(nullptr);
    flushed->set_value();
  }).detach();
  flushed->get_future().wait_for(patience);
}

}  // namespace eta::parallel
