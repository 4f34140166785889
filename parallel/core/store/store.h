// Store: values by name that all processes of a job see. One of them keeps it, or what has started
// them.
//
// Each call may block for as long as its keeper does not answer.
//
// Thread safety: one thread at a time.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "parallel/core/status.h"

namespace eta::parallel {

class Store {
 public:
  virtual ~Store() = default;

  // Values are of 8 MB at most.
  virtual Status Set(const std::string& key, const std::string& value) = 0;
  // The values of all these, when all are there; kStalled if that takes longer than `time`.
  virtual Result<std::vector<std::string>> Get(const std::vector<std::string>& keys,
                                               std::chrono::milliseconds time) = 0;
  virtual Status Delete(const std::string& key) = 0;
  // Counts, from 0 on; what it comes to.
  virtual Result<int64_t> Add(const std::string& key, int64_t value) = 0;

  // A queue, whose names are others than those above.
  virtual Status Push(const std::string& queue, const std::string& value) = 0;
  // The first one, if there is one.
  virtual Result<std::optional<std::string>> Pop(const std::string& queue) = 0;
};

struct StoreAddress {
  std::string host;
  uint16_t port;
  bool keep;  // make the store, and keep it as long as this one lives
  std::chrono::milliseconds patience;
};

// What the extension for libtorch's TCPStore offers: a connection to the store, for which it waits.
extern "C" typedef void OpenStore(const StoreAddress* address,
                                  Result<std::unique_ptr<Store>>* store);
inline constexpr const char* kOpenStoreName = "eta_open_store";

}  // namespace eta::parallel
