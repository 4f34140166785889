// An extension with one builtin, (extension/answer), and devices. It finds the Vm in the program
// that loads it.
#include <memory>

#include "tests/fakes/host_device.h"
#include "vm/vm.h"

namespace {

eta::Value Answer(eta::Vm&, eta::Args) { return eta::Value::Int(42); }

constexpr eta::NativeDef kNatives[] = {{"extension/answer", Answer, 0, 0, ""}};

}  // namespace

extern "C" void eta_install_tensors(eta::Vm* vm) { vm->DefineNatives(kNatives); }

extern "C" void eta_make_device_ops(std::shared_ptr<eta::parallel::DeviceOps>* ops) {
  *ops = eta::parallel::MakeHostDeviceOps();
}
