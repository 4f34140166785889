// All that the rest of the project may see of the tensor extension without including libtorch:
// what a host tells it, and how the extension is entered.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

namespace eta {

class Vm;

namespace tensor {

// What a host knows of one isolate before it runs. To be attached to the Vm (as a shared_ptr, under
// kTensorSettings) before the first tensor operation; without it the defaults hold.
struct TensorSettings {
  int rank = 0;
  int world_size = 1;
  // Of the random streams, equal on all ranks of a world. Default: libtorch's own default seed.
  // Afterwards the last one that the program set.
  std::optional<uint64_t> seed;
  uint64_t maps = 0;   // parallel maps that the program has begun since
  int threads = 0;     // intra-op threads of this isolate; 0: libtorch's own choice
  std::string device;  // where tensors are created, "cuda:0"; empty: the CPU
  // Not 0: each batch is computed in so many shards, and each rank has shards / world_size of them.
  int shards = 0;
  bool capture = true;  // training steps that repeat are replayed
  std::string dtype;    // of the process, "float32"; empty: float64

  void SetSeed(uint64_t set) {
    seed = set;
    maps = 0;
  }
};
inline constexpr const char* kTensorSettings = "tensor.settings";

// Seeds all streams of an isolate that has used tensors, to which it is attached (as a shared_ptr,
// under kSeeder).
using Seeder = std::function<void(uint64_t seed)>;
inline constexpr const char* kSeeder = "tensor.seeder";

}  // namespace tensor
}  // namespace eta

// The one entry point of libeta_tensor.so, looked up by this name: defines all natives of the
// extension in `vm`. Thread safety: may be called for different VMs at the same time.
extern "C" void eta_install_tensors(eta::Vm* vm);
