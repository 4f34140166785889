// Into a parcel: a walk over everything that can be reached. It allocates nothing on the heap, so
// no object goes away meanwhile.
#include <unordered_map>
#include <utility>

#include "vm/code_words.h"
#include "vm/parcel.h"
#include "vm/transfer.h"

namespace eta {

Parcel::~Parcel() {
  for (const Foreign& foreign : foreigns_) {
    if (foreign.type->finalize) foreign.type->finalize(foreign.data);
  }
}

class Packer final : private Transfer {
 public:
  explicit Packer(Vm& vm) : Transfer(vm, /*arriving=*/false), parcel_(std::make_shared<Parcel>()) {}

  Expected<std::shared_ptr<const Parcel>, std::string> Run(Value value) {
    parcel_->root_ = ItemOf(value);
    while (!to_do_.empty() && refused_.empty()) {
      const Visit visit = to_do_.back();
      to_do_.pop_back();
      if (visit.is_left) {
        parcel_->foreign_order_.push_back(visit.object);
      } else if (parcel_->objects_[visit.object].kind == ObjectKind::kFree) {
        Scan(visit.object);
      }
    }
    if (!refused_.empty()) return Unexpected(std::move(refused_));
    parcel_->record_types_ = vm().record_types;
    return std::shared_ptr<const Parcel>(std::move(parcel_));
  }

 private:
  struct Visit {
    uint32_t object;
    bool is_left = false;  // all that it contains has been visited
  };
  // An object, and from where it was found first.
  struct Source {
    const eta::Object* object;
    uint32_t parent;
    std::string variable;  // the global whose value it is
  };

  Parcel::Object& At(uint32_t id) { return parcel_->objects_[id]; }

  Parcel::Item ItemOf(Value v) {
    if (!v.IsObject()) return {v};
    const eta::Object* object = v.AsObject();
    const auto [entry, is_new] = ids_.try_emplace(object, parcel_->objects_.size());
    if (is_new) {
      parcel_->objects_.emplace_back();
      sources_.push_back({object, scanned_, variable_});
    }
    if (At(entry->second).kind == ObjectKind::kFree) to_do_.push_back({entry->second});
    return {Value::Nil(), entry->second};
  }

  // The object's items are next to each other: their own contents come later.
  void SetItems(uint32_t id, std::span<const Value> values) {
    At(id).first_item = parcel_->items_.size();
    At(id).item_count = values.size();
    for (Value v : values) parcel_->items_.push_back(ItemOf(v));
  }

  void SetText(uint32_t id, std::string_view text) {
    At(id).content = static_cast<uint32_t>(parcel_->texts_.size());
    parcel_->texts_.emplace_back(text);
  }

  void Scan(uint32_t id) {
    scanned_ = id;
    const Value v = Value::Of(sources_[id].object);
    At(id).kind = v.AsObject()->kind;
    switch (v.AsObject()->kind) {
      case ObjectKind::kPair: {
        const Value halves[] = {Cdr(v), Car(v)};
        return SetItems(id, halves);
      }
      case ObjectKind::kString:
        return SetText(id, StringView(v));
      case ObjectKind::kSymbol:
        return SetText(id, SymbolName(v));
      case ObjectKind::kBytevector: {
        const auto bytes = As<BytevectorObject>(v)->span();
        return SetText(id, {reinterpret_cast<const char*>(bytes.data()), bytes.size()});
      }
      case ObjectKind::kInt64:
        At(id).content = static_cast<uint32_t>(parcel_->integers_.size());
        return parcel_->integers_.push_back(ToInt64(v));
      case ObjectKind::kVector:
        return SetItems(id, As<VectorObject>(v)->span());
      case ObjectKind::kValues:
        return SetItems(id, As<ValuesObject>(v)->span());
      case ObjectKind::kBox:
        return SetItems(id, {&As<BoxObject>(v)->value, 1});
      case ObjectKind::kNative:
        return SetText(id, As<NativeObject>(v)->def->name);
      case ObjectKind::kClosure:
        return ScanClosure(id, *As<ClosureObject>(v));
      case ObjectKind::kCode:
        return ScanCode(id, *As<CodeObject>(v)->code);
      case ObjectKind::kForeign:
        return ScanForeign(id, *As<ForeignObject>(v));
      case ObjectKind::kContinuation:
      case ObjectKind::kSegment:
        return RefuseObject(id, "a continuation");
      case ObjectKind::kFree:
        break;
    }
    ETA_CHECK(false);
  }

  void ScanClosure(uint32_t id, const ClosureObject& closure) {
    if (IsBuiltinProcedure(closure)) {
      At(id).is_builtin = true;
      return SetText(id, closure.code->name);
    }
    std::vector<Value> items = {Value::Of(closure.code->self)};
    items.insert(items.end(), closure.captures, closure.captures + closure.capture_count);
    SetItems(id, items);
  }

  // One of those that are written in the language: the receiver has it too.
  bool IsBuiltinProcedure(const ClosureObject& closure) {
    if (!closure.code->is_builtin) return false;
    const GlobalSlot* slot = vm().FindBuiltin(vm().names().Intern(closure.code->name));
    return slot != nullptr && vm().globals()[*slot] == Value::Of(&closure);
  }

  void ScanCode(uint32_t id, const Code& code) {
    Parcel::CodeImage image{.code = code, .globals = {}};
    image.code.constants.clear();
    image.code.self = nullptr;
    for (Code::Place& place : image.code.places) place.span.file = File(place.span.file);
    ForEachGlobal(&image.code.words, [&](GlobalSlot slot) {
      const auto [entry, is_new] = in_code_.try_emplace(slot, image.globals.size());
      if (is_new) image.globals.push_back(GlobalOf(slot));
      return entry->second;
    });
    in_code_.clear();
    At(id).content = static_cast<uint32_t>(parcel_->codes_.size());
    parcel_->codes_.push_back(std::move(image));
    SetItems(id, code.constants);
  }

  // The number of the variable in the parcel.
  uint32_t GlobalOf(GlobalSlot slot) {
    const auto [entry, is_new] = globals_.try_emplace(slot, parcel_->globals_.size());
    const uint32_t index = entry->second;
    if (!is_new) return index;
    const bool is_builtin = vm().IsBuiltin(slot);
    parcel_->globals_.push_back({vm().GlobalName(slot), is_builtin, {}});
    if (is_builtin) return index;
    variable_ = vm().GlobalName(slot);
    parcel_->globals_[index].value = ItemOf(vm().globals()[slot]);
    variable_.clear();
    return index;
  }

  void ScanForeign(uint32_t id, const ForeignObject& foreign) {
    const ForeignTransfer* rules = foreign.type->transfer;
    const std::string name(foreign.type->name);
    if (rules == nullptr || foreign.data == nullptr) return RefuseObject(id, Article(name) + name);
    void* copy = rules->copy(foreign.data, *this);
    if (copy == nullptr) return RefuseObject(id, refusal());
    At(id).content = static_cast<uint32_t>(parcel_->foreigns_.size());
    parcel_->foreigns_.push_back({foreign.type, copy});
    to_do_.push_back({id, /*is_left=*/true});
    if (rules->values == nullptr) return;
    std::vector<Value> values;
    rules->values(foreign.data, &values);
    SetItems(id, values);
  }

  static std::string Article(std::string_view name) {
    return std::string_view("aeiou").find(name[0]) == std::string_view::npos ? "a " : "an ";
  }

  // Says what it is, and the nearest name on the way to it.
  void RefuseObject(uint32_t id, const std::string& what) {
    refused_ = what;
    for (uint32_t at = id; at != Parcel::kNone; at = sources_[at].parent) {
      if (!sources_[at].variable.empty()) {
        refused_ += ", in the variable " + sources_[at].variable;
        return;
      }
      const auto* closure = As<ClosureObject>(Value::Of(sources_[at].object));
      if (closure == nullptr || at == id) continue;
      refused_ += closure->code->name.empty() ? ", in a procedure's variable"
                                              : ", in a variable of " + closure->code->name;
      return;
    }
  }

  uint32_t File(uint32_t number) override {
    if (number == 0) return 0;
    const auto [entry, is_new] = files_.try_emplace(number, parcel_->files_.size() + 1);
    if (is_new) parcel_->files_.push_back(*vm().File(SourceSpan{.file = number}));
    return entry->second;
  }

  const std::shared_ptr<Parcel> parcel_;
  std::unordered_map<const eta::Object*, uint32_t> ids_;
  std::vector<Source> sources_;  // by id
  std::vector<Visit> to_do_;
  std::unordered_map<GlobalSlot, uint32_t> globals_;
  std::unordered_map<GlobalSlot, uint32_t> in_code_;  // of the code being scanned
  std::unordered_map<uint32_t, uint32_t> files_;
  uint32_t scanned_ = Parcel::kNone;  // the object whose items are being taken
  std::string variable_;              // the global whose value is being taken
  std::string refused_;
};

Expected<std::shared_ptr<const Parcel>, std::string> Pack(Vm& vm, Value value) {
  return Packer(vm).Run(value);
}

}  // namespace eta
