#include "torch/autocast.h"

#include <ATen/autocast_mode.h>

namespace eta::tensor {

// libtorch's cache of casts is the whole process's; without it isolates share nothing.
Autocast::Autocast(c10::DeviceType device, c10::ScalarType dtype)
    : device_(device),
      was_on_(at::autocast::is_autocast_enabled(device)),
      was_caching_(at::autocast::is_autocast_cache_enabled()),
      dtype_before_(at::autocast::get_autocast_dtype(device)) {
  at::autocast::set_autocast_cache_enabled(false);
  at::autocast::set_autocast_dtype(device, dtype);
  at::autocast::set_autocast_enabled(device, true);
}

Autocast::~Autocast() {
  at::autocast::set_autocast_enabled(device_, was_on_);
  at::autocast::set_autocast_dtype(device_, dtype_before_);
  at::autocast::set_autocast_cache_enabled(was_caching_);
}

}  // namespace eta::tensor
