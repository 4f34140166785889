#include "torch/state/zip_check.h"

#include <zlib.h>

#include <algorithm>
#include <cstdint>
#include <optional>

namespace eta::tensor {
namespace {

// The records' signatures and sizes, after PKWARE's description of the format.
constexpr std::string_view kLocalSignature("PK\3\4"), kCentralSignature("PK\1\2"),
    kEndSignature("PK\5\6");
constexpr size_t kLocalSize = 30, kCentralSize = 46, kEndSize = 22;
constexpr uint64_t kIn64Bits = 0xFFFFFFFF;  // the number is in an extra field
constexpr uint64_t kFolder = 0x10;          // among the attributes
constexpr uint64_t kStored = 0;             // without compression, as PyTorch has it

// Little-endian numbers at places in an archive. Where it ends early, nothing.
class Reader {
 public:
  explicit Reader(std::string_view archive) : archive_(archive) {}

  uint64_t Number(size_t at, size_t bytes) {
    uint64_t number = 0;
    if (!Has(at, bytes)) return 0;
    for (size_t i = bytes; i-- > 0;) number = number << 8 | static_cast<uint8_t>(archive_[at + i]);
    return number;
  }
  bool Starts(size_t at, std::string_view signature) {
    return Has(at, signature.size()) && archive_.substr(at).starts_with(signature);
  }
  std::string_view Part(size_t at, size_t size) {
    return Has(at, size) ? archive_.substr(at, size) : std::string_view();
  }
  bool ok() const { return ok_; }

 private:
  bool Has(size_t at, size_t size) {
    ok_ = ok_ && at <= archive_.size() && size <= archive_.size() - at;
    return ok_;
  }

  const std::string_view archive_;
  bool ok_ = true;
};

struct Entry {
  uint64_t size, packed_size, place, checksum;
  std::string_view name;
  bool stored;  // a file as it is, not packed and no folder
};

// The entry that the central record at `at` describes.
Entry ReadEntry(Reader& reader, size_t at) {
  Entry entry{
      .size = reader.Number(at + 24, 4),
      .packed_size = reader.Number(at + 20, 4),
      .place = reader.Number(at + 42, 4),
      .checksum = reader.Number(at + 16, 4),
      .name = reader.Part(at + kCentralSize, reader.Number(at + 28, 2)),
      .stored = reader.Number(at + 10, 2) == kStored && (reader.Number(at + 38, 4) & kFolder) == 0};
  size_t extra = at + kCentralSize + reader.Number(at + 28, 2);
  const size_t end = extra + reader.Number(at + 30, 2);
  while (extra + 4 <= end && reader.ok()) {
    const uint64_t kind = reader.Number(extra, 2), length = reader.Number(extra + 2, 2);
    size_t field = extra + 4;
    for (uint64_t* number : {&entry.size, &entry.packed_size, &entry.place}) {
      if (kind != 1 || *number != kIn64Bits) continue;
      *number = reader.Number(field, 8);
      field += 8;
    }
    extra += 4 + length;
  }
  return entry;
}

bool EntryIsWhole(Reader& reader, const Entry& entry) {
  if (!entry.stored || entry.size != entry.packed_size) return false;
  if (!reader.Starts(entry.place, kLocalSignature)) return false;
  const size_t name_size = reader.Number(entry.place + 26, 2);
  if (reader.Part(entry.place + kLocalSize, name_size) != entry.name) return false;
  const size_t begin = entry.place + kLocalSize + name_size + reader.Number(entry.place + 28, 2);
  const std::string_view data = reader.Part(begin, entry.size);
  const uint64_t checksum = crc32_z(0, reinterpret_cast<const Bytef*>(data.data()), data.size());
  return reader.ok() && (entry.checksum == 0 || entry.checksum == checksum);
}

// Where the record at the end is; it may be followed by a comment.
std::optional<size_t> FindEnd(std::string_view archive) {
  const size_t at = archive.rfind(kEndSignature);
  if (at == archive.npos || archive.size() - at < kEndSize) return std::nullopt;
  return at;
}

}  // namespace

bool ZipIsWhole(std::string_view archive) {
  const auto end = FindEnd(archive);
  if (!end) return false;
  Reader reader(archive);
  const uint64_t count = reader.Number(*end + 10, 2);
  uint64_t at = reader.Number(*end + 16, 4);
  if (at == kIn64Bits) {  // a locator, 20 bytes before, has the place of a larger record
    const uint64_t larger = reader.Number(*end - std::min<size_t>(*end, 20) + 8, 8);
    at = reader.Number(larger + 48, 8);
  }
  for (uint64_t i = 0; i < count; ++i) {
    if (!reader.Starts(at, kCentralSignature)) return false;
    if (!EntryIsWhole(reader, ReadEntry(reader, at))) return false;
    at += kCentralSize + reader.Number(at + 28, 2) + reader.Number(at + 30, 2) +
          reader.Number(at + 32, 2);
  }
  return reader.ok() && count > 0;
}

}  // namespace eta::tensor
