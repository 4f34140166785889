#include "parallel/core/store/store_transport.h"

#include <atomic>
#include <cstdio>
#include <cstring>
#include <thread>
#include <utility>

#include "parallel/core/silence.h"
#include "parallel/core/store/roll_call.h"
#include "parallel/core/work.h"

namespace eta::parallel {
namespace {

using std::chrono::milliseconds;

// Of a value in the store.
constexpr size_t kMaxPiece = size_t{4} << 20;
// How long a call to the store waits for values, so that it can be given up.
constexpr milliseconds kTurn{100};
// What comes after the end of the patience, for the way there and back.
constexpr milliseconds kGrace{500};

int64_t Now() { return Clock::now().time_since_epoch().count(); }

std::string Seconds(std::chrono::nanoseconds time) {
  char text[32];
  std::snprintf(text, sizeof(text), "%.2f s", std::chrono::duration<double>(time).count());
  return text;
}

// f(key, offset, size) for the pieces of a part; there is at least one.
template <class F>
void ForEachPiece(const std::string& part, size_t bytes, const F& f) {
  size_t offset = 0, number = 0;
  do {
    const size_t size = std::min(kMaxPiece, bytes - offset);
    f(part + '/' + std::to_string(number++), offset, size);
    offset += size;
  } while (offset < bytes);
}

}  // namespace

// What the clerk needs, too.
struct StoreTransport::Line {
  std::shared_ptr<Store> store;  // the clerk's
  std::atomic<int64_t> answered_ns{0};
  std::atomic<bool> given_up{false};

  Result<std::vector<std::string>> Get(const std::vector<std::string>& keys, milliseconds time) {
    auto values = store->Get(keys, time);
    answered_ns.store(Now(), std::memory_order_relaxed);  // orders nothing
    return values;
  }

  // Waits for them until the line is given up.
  Result<std::vector<std::string>> Get(const std::vector<std::string>& keys) {
    for (;;) {
      auto values = Get(keys, kTurn);
      const bool late = !values && values.error().code == Code::kStalled;
      if (!late || given_up.load(std::memory_order_relaxed)) return values;
    }
  }
};

// What goes and comes in a transfer.
struct StoreTransport::Parcel {
  std::vector<std::pair<std::string, std::string>> sent;  // key, value
  std::vector<std::string> keys;                          // of what is wanted
  std::vector<std::pair<std::byte*, size_t>> places;      // where it goes, and its size
  std::vector<std::string> received;

  void Send(const std::string& part, const std::byte* data, size_t bytes) {
    ForEachPiece(part, bytes, [&](const std::string& key, size_t offset, size_t size) {
      sent.emplace_back(key, std::string(reinterpret_cast<const char*>(data) + offset, size));
    });
  }
  void Want(const std::string& part, std::byte* data, size_t bytes) {
    ForEachPiece(part, bytes, [&](const std::string& key, size_t offset, size_t size) {
      keys.push_back(key);
      places.emplace_back(data + offset, size);
    });
  }
  Status Unpack() const {
    for (size_t i = 0; i < keys.size(); ++i) {
      const auto& [place, size] = places[i];
      if (received[i].size() != size) {
        return {Code::kPeerFailed, "the job's store has something else than was sent", -1};
      }
      if (size > 0) std::memcpy(place, received[i].data(), size);
    }
    return {};
  }
};

// --- the start -----------------------------------------------------------------------------------

StoreTransport::StoreTransport(const TorchrunJob& job, std::chrono::nanoseconds patience)
    : job_(job),
      prefix_("eta/" + job.run + '/'),
      patience_(patience),
      line_(std::make_shared<Line>()) {}

StoreTransport::~StoreTransport() { line_->given_up.store(true, std::memory_order_relaxed); }

Result<std::unique_ptr<Transport>> StoreTransport::Start(const TorchrunJob& job, OpenStore* open,
                                                         std::chrono::nanoseconds patience) {
  std::unique_ptr<StoreTransport> transport(new StoreTransport(job, patience));
  Status connected = transport->Connect(open);
  if (connected.ok()) return std::unique_ptr<Transport>(std::move(transport));
  // The others read why, too.
  if (job.keeps_store()) std::this_thread::sleep_for(kGrace);
  return Unexpected(std::move(connected));
}

namespace {

Result<std::unique_ptr<Store>> Open(OpenStore* open, const TorchrunJob& job, bool keep,
                                    Deadline end) {
  const auto left = std::chrono::duration_cast<milliseconds>(end - Clock::now());
  const StoreAddress address{job.address, job.port, keep, std::max(left, milliseconds(1))};
  Result<std::unique_ptr<Store>> store = std::unique_ptr<Store>();
  open(&address, &store);
  return store;
}

}  // namespace

Status StoreTransport::Connect(OpenStore* open) {
  struct Found {
    std::vector<std::string> hosts;
    std::shared_ptr<Store> for_letters;
  };
  const auto found = std::make_shared<Found>();
  const Deadline end = Clock::now() + patience_;
  const auto connect = [=, line = line_, job = job_, prefix = prefix_]() -> Status {
    auto store = Open(open, job, job.keeps_store(), end);
    if (!store) return store.error();
    line->store = std::move(*store);
    auto hosts = CallRoll(*line->store, job, prefix, end);
    if (!hosts) return hosts.error();
    found->hosts = std::move(*hosts);
    auto other = Open(open, job, /*keep=*/false, end);
    if (!other) return other.error();
    found->for_letters = std::move(*other);
    return {};
  };
  const auto over = [&]() -> Status {
    if (Clock::now() < end + kGrace) return {};
    return {Code::kPeerFailed, "no answer within " + Seconds(patience_), -1};
  };
  if (Status s = clerk_.Do(connect, over); !s.ok()) {
    if (s.code == Code::kPeerFailed) s.message = "cannot reach " + Keeper() + ": " + s.message;
    return s;
  }
  hosts_ = found->hosts;
  postman_ =
      std::make_unique<Postman>(std::move(found->for_letters), prefix_ + "mail/", job_.process);
  return {};
}

// --- transfers -----------------------------------------------------------------------------------

std::string StoreTransport::PartName(int from, int to) const {
  return prefix_ + "part/" + std::to_string(transfer_) + '/' + std::to_string(from) + '/' +
         std::to_string(to);
}

Status StoreTransport::AllGather(std::byte* all, std::span<const size_t> bytes, const Over& over) {
  constexpr int kAll = -1;
  ++transfer_;
  const auto parcel = std::make_shared<Parcel>();
  for (int p = 0; p < processes(); ++p) {
    const size_t size = bytes[static_cast<size_t>(p)];
    if (p == process()) {
      parcel->Send(PartName(p, kAll), all, size);
    } else {
      parcel->Want(PartName(p, kAll), all, size);
    }
    all += size;
  }
  return Carry(parcel, over);
}

Status StoreTransport::AllToAll(const std::byte* sent, std::span<const size_t> sent_bytes,
                                std::byte* received, std::span<const size_t> received_bytes,
                                const Over& over) {
  ++transfer_;
  const auto parcel = std::make_shared<Parcel>();
  for (int p = 0; p < processes(); ++p) {
    const size_t out = sent_bytes[static_cast<size_t>(p)];
    const size_t in = received_bytes[static_cast<size_t>(p)];
    if (p == process()) {
      if (in > 0) std::memcpy(received, sent, in);
    } else {
      parcel->Send(PartName(process(), p), sent, out);
      parcel->Want(PartName(p, process()), received, in);
    }
    sent += out;
    received += in;
  }
  return Carry(parcel, over);
}

Status StoreTransport::Carry(std::shared_ptr<Parcel> parcel, const Over& over) {
  line_->answered_ns.store(Now(), std::memory_order_relaxed);
  const auto carry = [line = line_, parcel]() -> Status {
    for (const auto& [key, value] : parcel->sent) {
      if (Status s = line->store->Set(key, value); !s.ok()) return s;
      line->answered_ns.store(Now(), std::memory_order_relaxed);
    }
    auto values = line->Get(parcel->keys);
    if (!values) return values.error();
    parcel->received = std::move(*values);
    return {};
  };
  Status carried = clerk_.Do(carry, [&] { return Silence(over); });
  if (carried.ok()) carried = parcel->Unpack();
  if (!carried.ok()) {
    line_->given_up.store(true, std::memory_order_relaxed);
    return carried.code == Code::kAborted ? carried : Lost(carried);
  }
  // All have come to this transfer, and so nobody reads any more what was sent in the one before.
  for (std::string& key : std::exchange(previous_keys_, {})) postman_->Delete(std::move(key));
  for (auto& [key, value] : parcel->sent) previous_keys_.push_back(std::move(key));
  return {};
}

// Before others take it for silence of the ranks, whose letters do not come either.
Status StoreTransport::Silence(const Over& over) const {
  if (over()) return {Code::kAborted, "the transfer was given up", -1};
  const std::chrono::nanoseconds silence(Now() -
                                         line_->answered_ns.load(std::memory_order_relaxed));
  if (silence < SilenceLimit(patience_) * 4 / 5) return {};
  return {Code::kPeerFailed, "no answer for " + Seconds(silence), -1};
}

Status StoreTransport::Lost(const Status& why) const {
  return {Code::kPeerFailed, "lost " + Keeper() + ": " + why.message, -1};
}

std::string StoreTransport::Keeper() const {
  const std::string store = "job's store at " + job_.address + ':' + std::to_string(job_.port);
  if (job_.launcher_keeps_store) return "the " + store;
  const std::string where = hosts_.empty() ? "" : " on " + hosts_[0];
  return "process 0" + where + ", which keeps the " + store;
}

Status StoreTransport::LettersLost() {
  const Status lost = postman_->lost();
  return lost.ok() ? lost : Lost(lost);
}

// --- the end -------------------------------------------------------------------------------------

Status StoreTransport::Close(const Over& over) {
  const std::vector<size_t> nothing(hosts_.size());
  if (Status s = AllGather(nullptr, nothing, over); !s.ok()) return s;
  postman_->Stop();
  // Who keeps the store goes last: others may still be on their way out of this transfer.
  const auto name = [this](int p) { return prefix_ + "bye/" + std::to_string(p); };
  std::vector<std::string> others;
  for (int p = 1; p < processes(); ++p) others.push_back(name(p));
  const Deadline end = Clock::now() + patience_ / 4;
  const auto part = [line = line_, own = name(process()), others, waits = job_.keeps_store(), end] {
    if (!waits) (void)line->store->Set(own, "");
    for (bool late = waits; late && Clock::now() < end;) {
      const auto all = line->Get(others, kTurn);
      late = !all && all.error().code == Code::kStalled;
    }
    return Status{};
  };
  return clerk_.Do(part, [&] { return Silence(over); });
}

}  // namespace eta::parallel
