// Postman: carries letters between the processes of a job through their store, on a thread of its
// own. In each there is a queue for each of them.
//
// Thread safety: any thread.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "parallel/core/store/loose_thread.h"
#include "parallel/core/store/store.h"
#include "parallel/core/transport.h"

namespace eta::parallel {

class Postman {
 public:
  // Queues are named `queues` and the process that they are for. If the store fails, no letter goes
  // or comes any more.
  Postman(std::shared_ptr<Store> store, std::string queues, int process);
  ~Postman();

  // Sends what is still to be sent, unless that takes long. Then no letter goes or comes any more.
  void Stop();

  // Ok, or how the store failed.
  Status lost() const;

  void Post(int to, std::span<const std::byte> letter);
  std::optional<Transport::Letter> Collect();
  // This value is not needed in the store any more.
  void Delete(std::string key);

 private:
  struct Bag;
  static void Walk(Store& store, const std::string& queues, int process, Bag& bag);

  const int process_;
  const std::shared_ptr<Bag> bag_;
  const LooseThread thread_;
};

}  // namespace eta::parallel
