// How foreign values travel from one Vm to another: through a parcel (vm/parcel.h), into which they
// are copied in the Vm of their sender, and out of which they are copied in each Vm that gets them.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "vm/native.h"

namespace eta {

// One crossing, into a parcel or out of it. Thread safety: the thread of `vm()`.
class Transfer {
 public:
  Transfer(const Transfer&) = delete;
  Transfer& operator=(const Transfer&) = delete;

  // The sender's Vm on the way into the parcel, the receiver's on the way out.
  Vm& vm() { return vm_; }

  // The copy that this crossing has made of what `original` names, null if it is still to be made:
  // so that what was shared is shared again.
  std::shared_ptr<void>& CopyOf(const void* original) { return copies_[original]; }

  // Whether this goes out of a parcel.
  bool arriving() const { return arriving_; }

  // The number of the same source file on the other side.
  virtual uint32_t File(uint32_t number) = 0;

  // For ForeignTransfer::copy: the value cannot go, and why, as in "an optimizer whose ...".
  std::nullptr_t Refuse(std::string reason) {
    refusal_ = std::move(reason);
    return nullptr;
  }
  const std::string& refusal() const { return refusal_; }

 protected:
  Transfer(Vm& vm, bool arriving) : vm_(vm), arriving_(arriving) {}
  ~Transfer() = default;

 private:
  Vm& vm_;
  const bool arriving_;
  std::unordered_map<const void*, std::shared_ptr<void>> copies_;
  std::string refusal_;
};

// How a foreign type's values travel. Called on the Vm's thread; nothing else touches `data`
// meanwhile, except that several receivers may copy the same parcel's data at the same time.
struct ForeignTransfer {
  // A copy of `data` without the Values in it; null after Refuse. Does not throw, and on the way
  // into a parcel allocates nothing on the heap. The type's `finalize` frees copies, those in
  // parcels on any thread.
  void* (*copy)(const void* data, Transfer& transfer);
  // Appends the Values that `data` holds. Null: none.
  void (*values)(const void* data, std::vector<Value>* out) = nullptr;
  // Puts the receiver's Values, in the same order, into a copy that belongs to a foreign object.
  // They are complete, except for foreign values that contain this one. May allocate; both the
  // values and the object are rooted. Null: there is nothing to do.
  void (*adopt)(Vm& vm, void* data, std::span<const Value> values) = nullptr;
};

}  // namespace eta
