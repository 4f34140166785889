// The store that libtorch's own distributed training uses, and torchrun with it.
#include <torch/csrc/distributed/c10d/TCPStore.hpp>
#include <utility>

#include "parallel/core/store/store.h"

C10_DECLARE_int(caffe2_log_level);

namespace eta::parallel {
namespace {

// What libtorch has to say of a connection that breaks, with a trace of its calls, is in the error.
void SilenceLibtorch() {
  constexpr int kFatal = 3;
  if (std::getenv("TORCH_CPP_LOG_LEVEL") == nullptr) FLAGS_caffe2_log_level = kFatal;
}

std::vector<uint8_t> ToBytes(const std::string& text) { return {text.begin(), text.end()}; }
std::string ToText(const std::vector<uint8_t>& bytes) { return {bytes.begin(), bytes.end()}; }

Status Failure(const std::string& text) {
  return {Code::kPeerFailed, text.substr(0, text.find('\n')), -1};
}

// What `call` returns, with libtorch's exceptions as errors.
template <class Call>
auto Guard(const Call& call) -> Result<decltype(call())> {
  try {
    return call();
  } catch (const c10::DistStoreError& error) {
    return Unexpected(Status{Code::kStalled, error.what_without_backtrace(), -1});
  } catch (const c10::Error& error) {
    return Unexpected(Failure(error.what_without_backtrace()));
  } catch (const std::exception& error) {
    return Unexpected(Failure(error.what()));
  }
}

template <class Call>
Status GuardVoid(const Call& call) {
  const auto done = Guard([&] {
    call();
    return true;
  });
  return done ? Status{} : done.error();
}

class TcpStore final : public Store {
 public:
  explicit TcpStore(c10::intrusive_ptr<c10d::TCPStore> store) : store_(std::move(store)) {}

  Status Set(const std::string& key, const std::string& value) override {
    return GuardVoid([&] { store_->set(key, ToBytes(value)); });
  }

  Result<std::vector<std::string>> Get(const std::vector<std::string>& keys,
                                       std::chrono::milliseconds time) override {
    return Guard([&] {
      store_->wait(keys, time);
      std::vector<std::string> values;
      for (const auto& value : store_->multiGet(keys)) values.push_back(ToText(value));
      return values;
    });
  }

  Status Delete(const std::string& key) override {
    return GuardVoid([&] { store_->deleteKey(key); });
  }

  Result<int64_t> Add(const std::string& key, int64_t value) override {
    return Guard([&] { return store_->add(key, value); });
  }

  Status Push(const std::string& queue, const std::string& value) override {
    return GuardVoid([&] { store_->queuePush(queue, ToBytes(value)); });
  }

  Result<std::optional<std::string>> Pop(const std::string& queue) override {
    return Guard([&]() -> std::optional<std::string> {
      if (store_->queueLen(queue) == 0) return std::nullopt;
      return ToText(store_->queuePop(queue, /*block=*/false));
    });
  }

 private:
  const c10::intrusive_ptr<c10d::TCPStore> store_;
};

Result<std::unique_ptr<Store>> Connect(const StoreAddress& address) {
  SilenceLibtorch();
  c10d::TCPStoreOptions options;
  options.port = address.port;
  options.isServer = address.keep;
  options.waitWorkers = false;
  options.timeout = address.patience;
  return Guard([&]() -> std::unique_ptr<Store> {
    return std::make_unique<TcpStore>(c10::make_intrusive<c10d::TCPStore>(address.host, options));
  });
}

}  // namespace
}  // namespace eta::parallel

extern "C" void eta_open_store(
    const eta::parallel::StoreAddress* address,
    eta::parallel::Result<std::unique_ptr<eta::parallel::Store>>* store) {
  *store = eta::parallel::Connect(*address);
}
