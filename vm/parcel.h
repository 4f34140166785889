// Parcel: a value with all that hangs on it, taken out of its Vm, so that other Vms can make copies
// of it.
//
//   auto parcel = Pack(sender, value);            // on the sender's thread
//   auto copy = Unpack(**parcel, receiver);       // on the receivers' threads, as often as wanted
//
// A copy has the same shape: what was shared or cyclic is so again. Nothing is shared between the
// Vms. Procedures take along the variables they captured and the global variables that they, and
// what they call, refer to; those arrive as new variables of their own, with the values that they
// had when the parcel was made. Builtins and the symbols' names are the receiver's own. The code in
// a parcel is one image that all its receivers read; constants and the numbers of global variables
// are each receiver's own, so each builds its procedures from it.
//
// Ports and continuations belong to their Vm and cannot go, nor can what contains them.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/expected.h"
#include "vm/code.h"
#include "vm/vm.h"

namespace eta {

// Immutable. Thread safety: any thread.
class Parcel {
 public:
  Parcel() = default;
  ~Parcel();
  Parcel(const Parcel&) = delete;
  Parcel& operator=(const Parcel&) = delete;

 private:
  friend class Packer;
  friend class ParcelBytes;
  friend class Unpacker;

  static constexpr uint32_t kNone = UINT32_MAX;

  // A value: one that is its own word, or an object of the parcel.
  struct Item {
    Value atom;
    uint32_t object = kNone;
  };
  // An object; `content` and the items mean what its kind makes of them.
  struct Object {
    ObjectKind kind = ObjectKind::kFree;
    bool is_builtin = false;  // a procedure that the receiver has, by its name
    uint32_t content = 0;     // index in the table of its kind
    size_t first_item = 0;
    size_t item_count = 0;
  };
  // A variable that code refers to.
  struct Global {
    std::string name;
    bool is_builtin;
    Item value;  // if it is no builtin
  };
  // The operands that name global variables are indices in `globals`; spans have the parcel's own
  // file numbers; constants are items of the object.
  struct CodeImage {
    Code code;
    std::vector<uint32_t> globals;
  };
  struct Foreign {
    const ForeignType* type;
    void* data;  // a copy, this parcel's
  };

  std::vector<Object> objects_;
  std::vector<Item> items_;
  std::vector<std::string> texts_;  // of strings, symbols, bytevectors, names of builtins
  std::vector<int64_t> integers_;
  std::vector<CodeImage> codes_;
  std::vector<Foreign> foreigns_;
  std::vector<uint32_t> foreign_order_;  // objects; those inside others first
  std::vector<Global> globals_;
  std::vector<SourceFile> files_;  // by number, from 1
  uint64_t record_types_ = 0;      // that the sender has defined
  Item root_;
};

// Error: what cannot be sent and where it is, "a port, in the variable log".
Expected<std::shared_ptr<const Parcel>, std::string> Pack(Vm& vm, Value value);

// A copy of the value, unrooted. Error: why `vm` cannot hold it.
Expected<Value, std::string> Unpack(const Parcel& parcel, Vm& vm);

// The parcel as bytes, for other processes of the same program. Procedures that are no builtins,
// and foreign values, share memory with their parcel and cannot go. Error: what is such, "a
// procedure".
Expected<std::string, std::string> EncodeParcel(const Parcel& parcel);

// REQUIRES: EncodeParcel made the bytes.
std::shared_ptr<const Parcel> DecodeParcel(std::string_view bytes);

}  // namespace eta
