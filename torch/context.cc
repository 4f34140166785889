#include "torch/context.h"

#include <ATen/CPUGeneratorImpl.h>
#include <ATen/Context.h>
#include <ATen/Parallel.h>
#include <c10/core/AutogradState.h>
#include <c10/core/DefaultDtype.h>
#include <c10/core/impl/VirtualGuardImpl.h>

#include <mutex>

#include "base/random_seed.h"
#include "torch/arena.h"
#include "torch/device.h"
#include "torch/marshal.h"

namespace eta::tensor {
namespace {

constexpr const char* kContext = "tensor.context";

// Null: the defaults hold.
TensorSettings* SettingsOf(Vm& vm) { return vm.Attachment<TensorSettings>(kTensorSettings); }

struct DtypeSetting {
  std::mutex mutex;
  std::atomic<at::ScalarType> dtype{at::kDouble};
  std::atomic<bool> fixed{false};
};

// The first use makes float64 libtorch's default as well: it decides what integers divide to.
DtypeSetting& Setting() {
  static DtypeSetting setting;
  static std::once_flag once;
  std::call_once(once, [] { c10::set_default_dtype(at::scalarTypeToTypeMeta(at::kDouble)); });
  return setting;
}

// The account as a value, so that the heap closes it in time: frees after its end report nothing.
const ForeignType kAccountType = {
    .name = "tensor-memory",
    .finalize = [](void* data) { static_cast<MemoryAccount*>(data)->Close(); },
};

// A new account, kept by a global variable of `vm` that no program can name.
MemoryAccount* OpenAccount(Vm& vm) {
  const auto slot = vm.NewGlobal(vm.names().Intern("tensor memory"));
  TORCH_CHECK(slot, "too many global variables");
  auto* account = new MemoryAccount(&vm.heap());
  vm.globals()[*slot] = vm.heap().Foreign(&kAccountType, account);
  return account;
}

std::atomic<uint64_t> next_context_id{1};
constinit thread_local uint64_t bound_context_id = 0;

at::Generator MakeGenerator(c10::Device device, uint64_t seed) {
  if (device.is_cpu()) return at::make_generator<at::CPUGeneratorImpl>(seed);
  const auto& hooks = at::globalContext().getAcceleratorHooksInterface(device.type());
  at::Generator generator = hooks.getNewGenerator(device.index());
  generator.set_current_seed(seed);
  return generator;
}

c10::Device SettingsDevice(const TensorSettings& settings) {
  return settings.device.empty() ? c10::Device(c10::kCPU) : ParseDevice(settings.device);
}

void ApplyThreadBudget(int threads) {
  static const int unlimited = at::get_num_threads();
  at::set_num_threads(threads > 0 ? threads : unlimited);
}

}  // namespace

at::ScalarType DefaultDtype::Use() {
  DtypeSetting& setting = Setting();
  // Relaxed: a flag on its own; Set looks at it under its mutex only to tell programs apart.
  if (!setting.fixed.load(std::memory_order_relaxed)) setting.fixed.store(true);
  return setting.dtype.load(std::memory_order_relaxed);
}

at::ScalarType DefaultDtype::Peek() { return Setting().dtype.load(std::memory_order_relaxed); }

bool DefaultDtype::Set(at::ScalarType dtype) {
  DtypeSetting& setting = Setting();
  std::lock_guard lock(setting.mutex);
  if (setting.dtype.load() == dtype) return true;
  if (setting.fixed.load()) return false;
  c10::set_default_dtype(at::scalarTypeToTypeMeta(dtype));
  setting.dtype.store(dtype);
  return true;
}

TensorContext& TensorContext::Of(Vm& vm) {
  if (auto* context = vm.Attachment<TensorContext>(kContext)) return *context;
  const auto* settings = vm.Attachment<TensorSettings>(kTensorSettings);
  auto context = std::make_shared<TensorContext>(vm, settings ? *settings : TensorSettings{});
  vm.Attach(kContext, context);
  vm.Attach(kSeeder,
            std::make_shared<Seeder>([&context = *context](uint64_t seed) { context.Seed(seed); }));
  return *context;
}

TensorContext::TensorContext(Vm& vm, TensorSettings settings)
    : vm_(vm),
      id_(next_context_id.fetch_add(1, std::memory_order_relaxed)),
      settings_(std::move(settings)),
      device_(SettingsDevice(settings_)),
      seed_(settings_.seed.value_or(c10::default_rng_seed_val)),
      rank_stream_(static_cast<uint64_t>(settings_.rank)),
      arenas_(std::make_shared<ArenaRegistry>()) {
  if (!settings_.dtype.empty()) {
    const auto dtype = ParseDtype(settings_.dtype);
    TORCH_CHECK(dtype && DefaultDtype::Set(*dtype), "the default dtype cannot be ",
                settings_.dtype);
  }
  account_ = OpenAccount(vm);
}

TensorContext::~TensorContext() {
  if (bound_context_id == id_) bound_context_id = 0;
}

void TensorContext::Bind() {
  if (bound_context_id == id_) return;
  MemoryAccount::SetOfThread(account_);
  // Backward passes run on this thread, where hooks and thread-local settings are the isolate's.
  c10::AutogradState::get_tls_state().set_multithreading_enabled(false);
  ApplyThreadBudget(settings_.threads);
  if (!device_.is_cpu()) c10::impl::VirtualGuardImpl(device_.type()).setDevice(device_);
  bound_context_id = id_;
}

c10::TensorOptions TensorContext::Options(std::optional<at::ScalarType> dtype) const {
  const at::ScalarType fallback = DefaultDtype::Use();
  return c10::TensorOptions().dtype(dtype.value_or(fallback)).device(device_);
}

at::Generator& TensorContext::generator(c10::Device device) {
  at::Generator& generator = generators_[stream_][device];
  if (!generator.defined()) {
    const uint64_t seed = stream_ == kRank ? SeedOfStream(seed_, rank_stream_) : seed_;
    generator = MakeGenerator(device, seed);
  }
  return generator;
}

void TensorContext::Seed(uint64_t seed) {
  NoteSeed(seed);
  for (auto& of_stream : generators_) of_stream.clear();
}

// The programs that this one starts get seeds that follow from it.
void TensorContext::NoteSeed(uint64_t seed) {
  seed_ = seed;
  if (auto* const settings = SettingsOf(vm_)) settings->SetSeed(seed);
}

TensorContext::Streams TensorContext::GetStreams() const {
  const auto* const settings = SettingsOf(vm_);
  Streams streams{.seed = seed_, .maps = settings == nullptr ? 0 : settings->maps};
  for (Stream stream : {kCommon, kRank}) {
    auto& states = stream == kCommon ? streams.common : streams.own;
    for (const auto& [device, generator] : generators_[stream]) {
      states[DeviceName(device)] = generator.get_state();
    }
  }
  return streams;
}

TensorContext::ReadyStreams TensorContext::MakeReady(const Streams& streams) const {
  ReadyStreams ready{.seed = streams.seed, .maps = streams.maps};
  for (Stream stream : {kCommon, kRank}) {
    for (const auto& [name, state] : stream == kCommon ? streams.common : streams.own) {
      const c10::Device device = ParseDevice(name);
      at::Generator generator = MakeGenerator(device, streams.seed);
      generator.set_state(state);
      ready.generators[stream].emplace(device, std::move(generator));
    }
  }
  return ready;
}

void TensorContext::SetStreams(ReadyStreams streams) {
  NoteSeed(streams.seed);
  if (auto* const settings = SettingsOf(vm_)) settings->maps = streams.maps;
  for (Stream stream : {kCommon, kRank}) {
    generators_[stream] = std::move(streams.generators[stream]);
  }
}

void TensorContext::SwitchRankStream(uint64_t number) {
  rank_stream_ = number;
  generators_[kRank].clear();
}

}  // namespace eta::tensor
