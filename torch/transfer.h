// How tensors and what consists of them travel to other Vms (vm/transfer.h): as copies without
// gradients and graphs, in which what was shared is shared again.
#pragma once

#include <ATen/core/Tensor.h>

#include <exception>
#include <memory>
#include <string>

#include "torch/context.h"
#include "vm/transfer.h"

namespace eta::tensor {

class Module;

// A copy of the elements; it tracks gradients if `original` is a leaf that does. Views of one
// tensor become tensors of their own. Throws what libtorch throws.
Tensor CopyTensor(Transfer& transfer, const Tensor& original);

// For tensors that nobody writes to: one copy for the parcel and all who get it.
Tensor ShareTensor(Transfer& transfer, const Tensor& original);

// Of all that is below it, too. Throws what libtorch throws.
std::shared_ptr<Module> CopyModule(Transfer& transfer, const std::shared_ptr<Module>& original);

// What `copy` makes, a new T; or null, refused, if libtorch throws. `what`: "a tensor".
template <class F>
void* Guarded(Transfer& transfer, const char* what, const F& copy) {
  try {
    TensorContext::Of(transfer.vm()).Bind();
    return copy();
  } catch (const c10::Error& e) {
    const std::string text = e.what_without_backtrace();
    return transfer.Refuse(std::string(what) + ": " + text.substr(0, text.find('\n')));
  } catch (const std::exception& e) {
    return transfer.Refuse(std::string(what) + ": " + e.what());
  }
}

}  // namespace eta::tensor
