#include "torch/call.h"

#include <c10/util/Exception.h>

#include <new>
#include <optional>

#include "torch/running_operation.h"

namespace eta::tensor {
namespace {

std::string FirstLine(std::string_view text) {
  return std::string(text.substr(0, text.find('\n')));
}

std::string Message(const OpInfo& info, std::string_view reason) {
  return std::string(info.name) + ": " + FirstLine(reason);
}

}  // namespace

Value Call::Fail(std::string_view reason) { return vm_.TypeError(Message(info_, reason)); }

Value Call::BadArgument(std::string_view expected) {
  return Fail(info_.complaint.empty() ? expected : info_.complaint);
}

Value RunOperation(Vm& vm, const OpInfo& info, Args args,
                   c10::function_ref<Value(Call& call)> body) {
  for (bool second_try = false;; second_try = true) {
    std::optional<Call> call;
    std::string out_of_memory;
    try {
      TensorContext& context = TensorContext::Of(vm);
      context.Bind();
      const RunningOperation running(info.name);
      return body(call.emplace(vm, info, args, context));
    } catch (const c10::OutOfMemoryError& e) {
      out_of_memory = e.what_without_backtrace();
    } catch (const std::bad_alloc&) {
      out_of_memory = "out of memory";
    } catch (const c10::Error& e) {
      return vm.TypeError(Message(info, e.what_without_backtrace()));
    } catch (const std::exception& e) {
      return vm.TypeError(Message(info, e.what()));
    }
    if (second_try || (call && call->committed())) {
      return vm.Fail(kHeapError, Message(info, out_of_memory));
    }
    vm.heap().Collect();
  }
}

}  // namespace eta::tensor
