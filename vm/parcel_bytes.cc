// Parcels as bytes: their tables, one after the other.
#include "vm/image_bytes.h"
#include "vm/parcel.h"

namespace eta {

class ParcelBytes {
 public:
  static Expected<std::string, std::string> Encode(const Parcel& parcel) {
    if (!parcel.foreigns_.empty()) {
      return Unexpected("a value of type " + std::string(parcel.foreigns_[0].type->name));
    }
    if (!parcel.codes_.empty()) return Unexpected(std::string("a procedure"));
    ByteWriter writer;
    writer.Number(parcel.objects_.size());
    for (const Parcel::Object& object : parcel.objects_) {
      writer.Byte(static_cast<uint8_t>(object.kind));
      writer.Byte(object.is_builtin);
      writer.Number(object.content);
      writer.Number(object.first_item);
      writer.Number(object.item_count);
    }
    writer.Number(parcel.items_.size());
    for (const Parcel::Item& item : parcel.items_) Write(item, &writer);
    writer.Number(parcel.texts_.size());
    for (const std::string& text : parcel.texts_) writer.Text(text);
    writer.Number(parcel.integers_.size());
    for (const int64_t integer : parcel.integers_) writer.Fixed(static_cast<uint64_t>(integer));
    writer.Number(parcel.record_types_);
    Write(parcel.root_, &writer);
    return std::move(writer.bytes());
  }

  static std::shared_ptr<const Parcel> Decode(std::string_view bytes) {
    ByteReader reader(bytes);
    auto parcel = std::make_shared<Parcel>();
    parcel->objects_.resize(reader.Count());
    for (Parcel::Object& object : parcel->objects_) {
      object.kind = static_cast<ObjectKind>(reader.Byte());
      object.is_builtin = reader.Byte() != 0;
      object.content = reader.Number32();
      object.first_item = reader.Number();
      object.item_count = reader.Number();
    }
    parcel->items_.resize(reader.Count());
    for (Parcel::Item& item : parcel->items_) item = Read(&reader);
    parcel->texts_.resize(reader.Count());
    for (std::string& text : parcel->texts_) text = reader.Text();
    parcel->integers_.resize(reader.Count());
    for (int64_t& integer : parcel->integers_) integer = static_cast<int64_t>(reader.Fixed());
    parcel->record_types_ = reader.Number();
    parcel->root_ = Read(&reader);
    return parcel;
  }

 private:
  static void Write(const Parcel::Item& item, ByteWriter* writer) {
    const bool is_atom = item.object == Parcel::kNone;
    writer->Byte(is_atom);
    if (is_atom) {
      writer->Fixed(item.atom.bits());
    } else {
      writer->Number(item.object);
    }
  }

  static Parcel::Item Read(ByteReader* reader) {
    if (reader->Byte() != 0) return {Value::FromBits(reader->Fixed())};
    return {Value::Nil(), reader->Number32()};
  }
};

Expected<std::string, std::string> EncodeParcel(const Parcel& parcel) {
  return ParcelBytes::Encode(parcel);
}

std::shared_ptr<const Parcel> DecodeParcel(std::string_view bytes) {
  return ParcelBytes::Decode(bytes);
}

}  // namespace eta
