// Mixed precision: while it is on, matrix products and the like compute in a half type, with
// operands cast to it as needed. Only float32 is cast; float64 stays what it is.
#pragma once

#include <c10/core/DeviceType.h>
#include <c10/core/ScalarType.h>
#include <c10/core/impl/LocalDispatchKeySet.h>

namespace eta::tensor {

// On while in scope, for one kind of device; then as before. May nest. Thread safety: of the
// calling thread only.
class Autocast {
 public:
  Autocast(c10::DeviceType device, c10::ScalarType dtype);
  ~Autocast();
  Autocast(const Autocast&) = delete;
  Autocast& operator=(const Autocast&) = delete;

 private:
  const c10::DeviceType device_;
  const bool was_on_, was_caching_;
  const c10::ScalarType dtype_before_;
};

// Off while in scope: for backward passes, which follow the dtypes of the forward pass.
class NoAutocast {
 private:
  const c10::impl::ExcludeDispatchKeyGuard off_{c10::autocast_dispatch_keyset};
};

}  // namespace eta::tensor
