// A job's store in the memory of the test, for processes that are its threads.
#pragma once

#include <cstddef>

#include "parallel/core/store/store.h"

namespace eta::parallel {

// An OpenStore. Those that give the same port see the same store.
void OpenMemoryStore(const StoreAddress* address, Result<std::unique_ptr<Store>>* store);

// As when whoever keeps the store at the port is stopped, and goes on: no call returns meanwhile.
void StopMemoryStore(uint16_t port);
void ContinueMemoryStore(uint16_t port);
// As when it is killed: all calls fail.
void KillMemoryStore(uint16_t port);
// How many values there are.
size_t SizeOfMemoryStore(uint16_t port);

}  // namespace eta::parallel
