#include "parallel/core/trace_writer.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cinttypes>
#include <cstring>
#include <filesystem>
#include <system_error>
#include <utility>

namespace eta::parallel {
namespace {

namespace fs = std::filesystem;

constexpr auto kPause = std::chrono::milliseconds(20);
// As many as Linux follows.
constexpr int kMaxLinks = 40;

std::string Failure(const std::string& path, int error) {
  return "cannot write the trace " + path + ": " + std::strerror(error);
}

// Where the symbolic link leads, even if nothing is there; other paths as they are.
std::string TargetOf(fs::path path) {
  std::error_code error;
  for (int i = 0; i < kMaxLinks && fs::is_symlink(fs::symlink_status(path, error)); ++i) {
    path = path.parent_path() / fs::read_symlink(path, error);
  }
  return path;
}

// Times in the file are in microseconds.
void WriteMicroseconds(FILE* file, int64_t ns) {
  std::fprintf(file, "%" PRId64 ".%03d", ns / 1000, static_cast<int>(ns % 1000));
}

}  // namespace

std::string JsonString(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      out += {'\\', c};
    } else if (static_cast<unsigned char>(c) < 0x20) {
      char escape[8];
      std::snprintf(escape, sizeof(escape), "\\u%04x", static_cast<unsigned>(c));
      out += escape;
    } else {
      out += c;
    }
  }
  return out + '"';
}

Expected<std::unique_ptr<TraceWriter>, std::string> TraceWriter::Create(
    std::string path, std::shared_ptr<const Journal> journal, const std::string& title) {
  std::error_code error;
  const fs::file_type type = fs::status(path, error).type();
  if (type == fs::file_type::directory) return Unexpected(Failure(path, EISDIR));
  if (type == fs::file_type::none) return Unexpected(Failure(path, error.value()));
  std::string temporary;
  if (type == fs::file_type::regular || type == fs::file_type::not_found) {
    path = TargetOf(path);
    temporary = path + "." + std::to_string(getpid()) + ".tmp";
  }
  FILE* file = std::fopen((temporary.empty() ? path : temporary).c_str(), "we");
  if (file == nullptr) return Unexpected(Failure(path, errno));
  std::unique_ptr<TraceWriter> writer(
      new TraceWriter(std::move(path), std::move(temporary), file, std::move(journal)));
  {
    MutexLock lock(writer->mu_);
    writer->WriteHead(title);
  }
  writer->thread_ = std::thread([w = writer.get()] { w->WriteUntilFinished(); });
  return writer;
}

TraceWriter::TraceWriter(std::string path, std::string temporary, FILE* file,
                         std::shared_ptr<const Journal> journal)
    : path_(std::move(path)),
      temporary_(std::move(temporary)),
      journal_(std::move(journal)),
      file_(file),
      next_(static_cast<size_t>(journal_->size())) {
  origin_ns_ = journal_->log(journal_->first()).start_ns();
  for (int r = journal_->first() + 1; r < journal_->end(); ++r) {
    origin_ns_ = std::min(origin_ns_, journal_->log(r).start_ns());
  }
}

TraceWriter::~TraceWriter() {
  (void)Finish();
  thread_.join();
}

Expected<Ok, std::string> TraceWriter::Finish() {
  MutexLock lock(mu_);
  if (file_ == nullptr) return Ok{};
  WriteNews();
  auto closed = Close();
  changed_.NotifyAll();
  return closed;
}

void TraceWriter::WriteUntilFinished() {
  MutexLock lock(mu_);
  while (file_ != nullptr) {
    WriteNews();
    changed_.WaitUntil(mu_, std::chrono::steady_clock::now() + kPause);
  }
}

void TraceWriter::WriteHead(const std::string& title) {
  std::fputs("{\"traceEvents\":[\n", file_);
  WriteName("process_name", 0, title);
  for (int r = journal_->first(); r < journal_->end(); ++r) {
    const std::string rank = "rank " + std::to_string(r);
    WriteName("thread_name", r, rank);
    WriteName("thread_name", journal_->end() + r, rank + ", beside it");
  }
}

void TraceWriter::WriteName(const char* what, int thread, const std::string& name) {
  std::fprintf(file_,
               "{\"name\":\"%s\",\"ph\":\"M\",\"pid\":1,\"tid\":%d,\"args\":{\"name\":%s}},\n",
               what, thread, JsonString(name).c_str());
}

void TraceWriter::WriteNews() {
  for (int r = journal_->first(); r < journal_->end(); ++r) {
    const PhaseLog& log = journal_->log(r);
    uint64_t& next = next_[static_cast<size_t>(r - journal_->first())];
    const uint64_t end = log.written();
    const uint64_t oldest = std::max(next, log.OldestOf(end));
    lost_ += oldest - next;
    for (next = oldest; next < end; ++next) {
      PhaseRecord record;
      if (log.Read(next, &record)) {
        Write(r, record);
      } else {
        ++lost_;
      }
    }
  }
}

void TraceWriter::Write(int rank, const PhaseRecord& record) {
  std::fprintf(file_,
               "{\"name\":\"%s\",\"ph\":\"X\",\"pid\":1,\"tid\":%d,\"ts\":", NameOf(record.phase),
               record.beside ? journal_->end() + rank : rank);
  WriteMicroseconds(file_, std::max<int64_t>(0, record.begin_ns - origin_ns_));
  std::fputs(",\"dur\":", file_);
  WriteMicroseconds(file_, record.end_ns - record.begin_ns);
  std::fprintf(file_, ",\"args\":{\"step\":%" PRIu64, record.step);
  if (record.phase == Phase::kReduce) {
    std::fprintf(file_, ",\"part\":%" PRIu32 ",\"bytes\":%" PRIu64, record.part, record.bytes);
  }
  std::fputs("}},\n", file_);
}

// The last event says how many are missing; JSON wants no comma behind it.
Expected<Ok, std::string> TraceWriter::Close() {
  std::fprintf(
      file_,
      "{\"name\":\"lost records\",\"ph\":\"M\",\"pid\":1,\"tid\":0,\"args\":{\"count\":%" PRIu64
      "}}\n]}\n",
      lost_);
  const bool written = std::ferror(file_) == 0;
  FILE* file = std::exchange(file_, nullptr);
  errno = written ? 0 : EIO;
  const bool closed = std::fclose(file) == 0 && written;
  if (closed && (temporary_.empty() || std::rename(temporary_.c_str(), path_.c_str()) == 0)) {
    return Ok{};
  }
  const int error = errno;
  if (!temporary_.empty()) unlink(temporary_.c_str());
  return Unexpected(Failure(path_, error));
}

}  // namespace eta::parallel
