// Out of a parcel: first every object by itself, then what they refer to, then foreign values' own
// contents, those inside others first.
#include <memory>
#include <utility>

#include "vm/code_words.h"
#include "vm/parcel.h"
#include "vm/transfer.h"

namespace eta {

class Unpacker final : private Transfer {
 public:
  Unpacker(const Parcel& parcel, Vm& vm)
      : Transfer(vm, /*arriving=*/true), parcel_(parcel), heap_(vm.heap()), made_(vm.heap()) {
    made_.values().resize(parcel.objects_.size());
  }

  Expected<Value, std::string> Run() {
    for (const SourceFile& file : parcel_.files_) files_.push_back(vm().AddFile(file));
    // Tags of records stay apart from those of types that this Vm defines from now on.
    vm().record_types = std::max(vm().record_types, parcel_.record_types_);
    if (MakeGlobals() && MakeObjects()) {
      FillObjects();
      FillGlobals();
      FillForeign();
      return ValueOf(parcel_.root_);
    }
    return Unexpected(std::move(failure_));
  }

 private:
  bool Fail(std::string why) {
    failure_ = std::move(why);
    return false;
  }

  const Parcel::Object& At(size_t id) const { return parcel_.objects_[id]; }
  std::span<const Parcel::Item> ItemsOf(const Parcel::Object& object) const {
    return std::span(parcel_.items_).subspan(object.first_item, object.item_count);
  }
  const std::string& TextOf(const Parcel::Object& object) const {
    return parcel_.texts_[object.content];
  }
  Value ValueOf(const Parcel::Item& item) {
    return item.object == Parcel::kNone ? item.atom : made_[item.object];
  }

  uint32_t File(uint32_t number) override { return number == 0 ? 0 : files_[number - 1]; }

  // --- Global variables -------------------------------------------------------------------------

  bool MakeGlobals() {
    for (const Parcel::Global& global : parcel_.globals_) {
      const Name name = vm().names().Intern(global.name);
      if (global.is_builtin) {
        const GlobalSlot* slot = vm().FindBuiltin(name);
        if (slot == nullptr) return FailToFind(name);
        slots_.push_back(*slot);
      } else {
        const std::optional<GlobalSlot> slot = vm().NewGlobal(name);
        if (!slot) return Fail("too many global variables");
        slots_.push_back(*slot);
      }
    }
    return true;
  }

  bool FailToFind(Name name) {
    const std::string* error = vm().ExtensionError(name);
    return Fail(error ? *error : "there is no builtin " + *name + " here");
  }

  void FillGlobals() {
    for (size_t i = 0; i < slots_.size(); ++i) {
      const Parcel::Global& global = parcel_.globals_[i];
      if (!global.is_builtin) vm().globals()[slots_[i]] = ValueOf(global.value);
    }
  }

  // --- Objects ----------------------------------------------------------------------------------

  // Code first: closures are made over it.
  bool MakeObjects() {
    for (size_t id = 0; id < made_.size(); ++id) {
      if (At(id).kind == ObjectKind::kCode) made_[id] = MakeCode(At(id));
    }
    for (size_t id = 0; id < made_.size(); ++id) {
      if (At(id).kind != ObjectKind::kCode && !Make(id)) return false;
    }
    return true;
  }

  Value MakeCode(const Parcel::Object& object) {
    const Parcel::CodeImage& image = parcel_.codes_[object.content];
    auto code = std::make_unique<Code>(image.code);
    code->constants.assign(object.item_count, Value::Nil());
    ForEachGlobal(&code->words, [&](uint32_t index) { return slots_[image.globals[index]]; });
    for (Code::Place& place : code->places) place.span.file = File(place.span.file);
    Code* const made = code.get();
    made->self = heap_.NewCode(std::move(code));
    return Value::Of(made->self);
  }

  bool Make(size_t id) {
    const Parcel::Object& object = At(id);
    switch (object.kind) {
      case ObjectKind::kClosure:
      case ObjectKind::kNative:
        return MakeProcedure(id);
      case ObjectKind::kForeign:
        return MakeForeign(id);
      default:
        made_[id] = MakeDatum(object);
        return true;
    }
  }

  Value MakeDatum(const Parcel::Object& object) {
    switch (object.kind) {
      case ObjectKind::kPair:
        return heap_.Cons(Value::Nil(), Value::Nil());
      case ObjectKind::kString:
        return heap_.String(TextOf(object));
      case ObjectKind::kSymbol:
        return vm().Symbol(TextOf(object));
      case ObjectKind::kBytevector: {
        const std::string& bytes = TextOf(object);
        return heap_.Bytevector({reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size()});
      }
      case ObjectKind::kInt64:
        return heap_.Integer(parcel_.integers_[object.content]);
      case ObjectKind::kVector:
        return heap_.Vector(object.item_count, Value::Nil());
      case ObjectKind::kValues:
        return heap_.Values(std::vector<Value>(object.item_count));
      default:
        ETA_CHECK(object.kind == ObjectKind::kBox);
        return heap_.Box(Value::Nil());
    }
  }

  bool MakeProcedure(size_t id) {
    const Parcel::Object& object = At(id);
    if (object.kind == ObjectKind::kClosure && !object.is_builtin) {
      const auto* code = As<CodeObject>(ValueOf(ItemsOf(object)[0]));
      const auto captures = static_cast<uint32_t>(object.item_count - 1);
      made_[id] = Value::Of(heap_.Closure(code->code, captures));
      return true;
    }
    const Name name = vm().names().Intern(TextOf(object));
    const GlobalSlot* slot = vm().FindBuiltin(name);
    if (slot == nullptr) return FailToFind(name);
    made_[id] = vm().globals()[*slot];
    return true;
  }

  bool MakeForeign(size_t id) {
    const Parcel::Foreign& foreign = parcel_.foreigns_[At(id).content];
    void* copy = foreign.type->transfer->copy(foreign.data, *this);
    if (copy == nullptr) return Fail(refusal());
    made_[id] = heap_.Foreign(foreign.type, copy);
    return true;
  }

  // --- What they refer to -----------------------------------------------------------------------

  void FillObjects() {
    for (size_t id = 0; id < made_.size(); ++id) {
      const Parcel::Object& object = At(id);
      if (object.item_count > 0 && object.kind != ObjectKind::kForeign) Fill(object, made_[id]);
    }
  }

  void Fill(const Parcel::Object& object, Value made) {
    const auto items = ItemsOf(object);
    if (object.kind == ObjectKind::kPair) {
      As<PairObject>(made)->cdr = ValueOf(items[0]);
      As<PairObject>(made)->car = ValueOf(items[1]);
    } else if (object.kind == ObjectKind::kBox) {
      As<BoxObject>(made)->value = ValueOf(items[0]);
    } else if (object.kind == ObjectKind::kClosure) {
      FillAll(items.subspan(1), As<ClosureObject>(made)->captures);
    } else if (object.kind == ObjectKind::kCode) {
      FillAll(items, As<CodeObject>(made)->code->constants.data());
    } else if (object.kind == ObjectKind::kVector) {
      FillAll(items, As<VectorObject>(made)->elements);
    } else {
      FillAll(items, As<ValuesObject>(made)->elements);
    }
  }

  void FillAll(std::span<const Parcel::Item> items, Value* to) {
    for (const Parcel::Item& item : items) *to++ = ValueOf(item);
  }

  void FillForeign() {
    for (uint32_t id : parcel_.foreign_order_) {
      const auto* foreign = As<ForeignObject>(made_[id]);
      if (foreign->type->transfer->adopt == nullptr) continue;
      RootVector values(heap_);
      for (const Parcel::Item& item : ItemsOf(At(id))) values.push_back(ValueOf(item));
      foreign->type->transfer->adopt(vm(), foreign->data, values.span());
    }
  }

  const Parcel& parcel_;
  Heap& heap_;
  RootVector made_;  // by the objects' numbers
  std::vector<GlobalSlot> slots_;
  std::vector<uint32_t> files_;
  std::string failure_;
};

Expected<Value, std::string> Unpack(const Parcel& parcel, Vm& vm) {
  return Unpacker(parcel, vm).Run();
}

}  // namespace eta
