#include "torch/state/safetensors.h"

#include <zlib.h>

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <utility>

#include "torch/state/atomic_file.h"

namespace eta::tensor {
namespace {

using nlohmann::json;

constexpr size_t kLengthBytes = 8;
constexpr size_t kLongestHeader = 100'000'000;  // the limit of other software
constexpr size_t kAlignment = 8;                // of the elements in the file
constexpr std::string_view kMetadataKey = "__metadata__";
constexpr std::string_view kVersionKey = "eta.version";
constexpr std::string_view kChecksumKey = "eta.crc32";
// How the checksum begins in the header, which has no other spelling of it.
constexpr std::string_view kChecksumText = "\"eta.crc32\":\"";
constexpr std::string_view kNoChecksum = "00000000";

struct Dtype {
  std::string_view name;
  size_t size;
};
constexpr Dtype kDtypes[] = {{"F64", 8}, {"F32", 4}, {"F16", 2}, {"BF16", 2}, {"I64", 8},
                             {"I32", 4}, {"I16", 2}, {"I8", 1},  {"U64", 8},  {"U32", 4},
                             {"U16", 2}, {"U8", 1},  {"BOOL", 1}};

// The number of bytes of such a tensor; nothing when it is out of all bounds.
std::optional<uint64_t> BytesOf(const StoredTensor& tensor) {
  uint64_t bytes = ElementSize(tensor.dtype);
  for (int64_t size : tensor.shape) {
    if (__builtin_mul_overflow(bytes, static_cast<uint64_t>(size), &bytes)) return std::nullopt;
  }
  return bytes;
}

uint32_t AddToChecksum(uint32_t checksum, std::string_view bytes) {
  if (bytes.empty()) return checksum;  // zlib takes no bytes for a new start
  return static_cast<uint32_t>(
      crc32_z(checksum, reinterpret_cast<const Bytef*>(bytes.data()), bytes.size()));
}

std::string Hex(uint32_t number) {
  constexpr char kDigits[] = "0123456789abcdef";
  std::string text(kNoChecksum.size(), '0');
  for (auto digit = text.rbegin(); digit != text.rend(); ++digit, number >>= 4) {
    *digit = kDigits[number & 0xF];
  }
  return text;
}

std::string LengthText(uint64_t length) {
  std::string text;
  for (size_t i = 0; i < kLengthBytes; ++i) text += static_cast<char>(length >> (8 * i));
  return text;
}

uint64_t LengthIn(std::string_view file) {
  uint64_t length = 0;
  for (size_t i = kLengthBytes; i-- > 0;) length = length << 8 | static_cast<uint8_t>(file[i]);
  return length;
}

// --- Writing ------------------------------------------------------------------------------------

json HeaderOf(const std::vector<StoredTensor>& tensors, Metadata metadata) {
  metadata["format"] = "pt";  // what some readers ask for: the dtypes are PyTorch's
  metadata[std::string(kVersionKey)] = "1";
  metadata[std::string(kChecksumKey)] = kNoChecksum;
  json header = {{kMetadataKey, metadata}};
  uint64_t offset = 0;
  for (const StoredTensor& tensor : tensors) {
    TORCH_CHECK(tensor.name != kMetadataKey, "no tensor can be called '", kMetadataKey, "'");
    const uint64_t end = offset + tensor.bytes.size();
    header[tensor.name] = {
        {"dtype", tensor.dtype}, {"shape", tensor.shape}, {"data_offsets", {offset, end}}};
    offset = end;
  }
  return header;
}

// Length and header, with the checksum of the whole file in it.
std::string Opening(const std::vector<StoredTensor>& tensors, const Metadata& metadata) {
  std::string header = HeaderOf(tensors, metadata).dump();
  header.append((kAlignment - header.size() % kAlignment) % kAlignment, ' ');
  std::string opening = LengthText(header.size()) + header;
  uint32_t checksum = AddToChecksum(0, opening);
  for (const StoredTensor& tensor : tensors) checksum = AddToChecksum(checksum, tensor.bytes);
  const size_t place = opening.find(kChecksumText) + kChecksumText.size();
  return opening.replace(place, kNoChecksum.size(), Hex(checksum));
}

// --- Reading ------------------------------------------------------------------------------------

// What a header says, or nothing and why.
class HeaderReader {
 public:
  HeaderReader(std::string_view header, std::string_view data) : header_(header), data_(data) {}

  bool Read() {
    if (!Parse()) return false;
    for (const auto& [name, entry] : root_.items()) {
      const bool read = name == kMetadataKey ? ReadMetadata(entry) : ReadEntry(name, entry);
      if (!read) return false;
    }
    return CheckOrder();
  }

  std::string reason;
  std::vector<StoredTensor> tensors;
  Metadata metadata;

 private:
  bool Fail(std::string why) {
    reason = std::move(why);
    return false;
  }
  bool FailAt(const std::string& name, std::string_view why) {
    return Fail("is damaged: tensor '" + name + "' " + std::string(why));
  }

  bool Parse() {
    std::set<std::string> names;
    std::string twice;
    const auto note = [&](int depth, json::parse_event_t event, json& parsed) {
      if (event == json::parse_event_t::key && depth == 1) {
        const auto name = parsed.get<std::string>();
        if (!names.insert(name).second) twice = name;
      }
      return true;
    };
    root_ = json::parse(header_, note, /*allow_exceptions=*/false);
    if (!root_.is_object()) return Fail("is no safetensors file: its header is not JSON");
    return twice.empty() || FailAt(twice, "is there twice");
  }

  bool ReadMetadata(const json& entry) {
    if (!entry.is_object()) return Fail("is damaged: its metadata is no object");
    for (const auto& [key, value] : entry.items()) {
      if (!value.is_string()) return Fail("is damaged: its metadata '" + key + "' is no string");
      metadata[key] = value.get<std::string>();
    }
    return true;
  }

  bool ReadEntry(const std::string& name, const json& entry) {
    if (!entry.is_object() || entry.size() != 3) return FailAt(name, "is not described");
    const auto dtype = entry.find("dtype"), shape = entry.find("shape"),
               offsets = entry.find("data_offsets");
    if (dtype == entry.end() || !dtype->is_string()) return FailAt(name, "has no dtype");
    const auto unsigned_numbers = [&](json::const_iterator list) {
      return list != entry.end() && list->is_array() &&
             std::all_of(list->begin(), list->end(), [](const json& number) {
               return number.is_number_unsigned() && number.get<uint64_t>() <= INT64_MAX;
             });
    };
    if (!unsigned_numbers(shape)) return FailAt(name, "has no shape");
    if (!unsigned_numbers(offsets) || offsets->size() != 2) return FailAt(name, "has no place");
    StoredTensor tensor{name, dtype->get<std::string>(), shape->get<std::vector<int64_t>>(), {}};
    return Place(std::move(tensor), (*offsets)[0].get<uint64_t>(), (*offsets)[1].get<uint64_t>());
  }

  bool Place(StoredTensor tensor, uint64_t begin, uint64_t end) {
    if (ElementSize(tensor.dtype) == 0) {
      return FailAt(tensor.name, "has the unknown dtype " + tensor.dtype);
    }
    if (begin > end || end > data_.size()) return FailAt(tensor.name, "lies beyond the end");
    if (BytesOf(tensor) != end - begin) return FailAt(tensor.name, "is not as long as its shape");
    tensor.bytes = data_.substr(begin, end - begin);
    tensors.push_back(std::move(tensor));
    return true;
  }

  // Every byte belongs to one tensor.
  bool CheckOrder() {
    std::vector<std::string_view> pieces;
    for (const StoredTensor& tensor : tensors) pieces.push_back(tensor.bytes);
    std::sort(pieces.begin(), pieces.end(), [](std::string_view a, std::string_view b) {
      return std::pair(a.data(), a.size()) < std::pair(b.data(), b.size());
    });
    const char* at = data_.data();
    for (std::string_view piece : pieces) {
      if (piece.data() != at) return Fail("is damaged: its tensors overlap or leave gaps");
      at += piece.size();
    }
    return at == data_.data() + data_.size() || Fail("is damaged: it has more than its tensors");
  }

  const std::string_view header_, data_;
  json root_;
};

// Whether the file is as it was written, if it says so.
bool ChecksumHolds(std::string_view file, std::string_view header, const Metadata& metadata) {
  if (!metadata.contains(std::string(kChecksumKey)) &&
      !metadata.contains(std::string(kVersionKey))) {
    return true;  // of other software
  }
  const size_t place = header.find(kChecksumText);
  if (place == header.npos || place + kChecksumText.size() + kNoChecksum.size() > header.size()) {
    return false;
  }
  const size_t digits = kLengthBytes + place + kChecksumText.size();
  uint32_t checksum = AddToChecksum(0, file.substr(0, digits));
  checksum = AddToChecksum(checksum, kNoChecksum);
  checksum = AddToChecksum(checksum, file.substr(digits + kNoChecksum.size()));
  return file.substr(digits, kNoChecksum.size()) == Hex(checksum);
}

}  // namespace

size_t ElementSize(std::string_view dtype) {
  for (const Dtype& known : kDtypes) {
    if (known.name == dtype) return known.size;
  }
  return 0;
}

Expected<Ok, std::string> WriteSafetensors(const std::string& path,
                                           std::vector<StoredTensor> tensors,
                                           const Metadata& metadata) {
  // Wide elements first: then all are aligned, as other writers have it.
  std::sort(tensors.begin(), tensors.end(), [](const StoredTensor& a, const StoredTensor& b) {
    return std::pair(-static_cast<int64_t>(ElementSize(a.dtype)), std::string_view(a.name)) <
           std::pair(-static_cast<int64_t>(ElementSize(b.dtype)), std::string_view(b.name));
  });
  std::string opening;
  try {
    opening = Opening(tensors, metadata);
  } catch (const json::exception&) {
    return Unexpected("cannot write '" + path + "': a name is not valid UTF-8");
  }
  std::vector<std::string_view> pieces{opening};
  for (const StoredTensor& tensor : tensors) pieces.push_back(tensor.bytes);
  return WriteAtomically(path, pieces);
}

Expected<Safetensors, std::string> Safetensors::Read(const std::string& path) {
  auto bytes = ReadWhole(path);
  if (!bytes) return Unexpected(bytes.error());
  Safetensors file;
  file.bytes_ = std::make_shared<const std::string>(std::move(*bytes));
  const std::string_view all = *file.bytes_;
  const auto refuse = [&](const std::string& reason) {
    return Unexpected("'" + path + "' " + reason);
  };
  if (all.size() < kLengthBytes) return refuse("is no safetensors file: it is too short");
  const uint64_t length = LengthIn(all);
  if (length > kLongestHeader) return refuse("is no safetensors file: its header is too long");
  if (length > all.size() - kLengthBytes) return refuse("is damaged: it ends within its header");
  const std::string_view header = all.substr(kLengthBytes, length);
  HeaderReader reader(header, all.substr(kLengthBytes + length));
  if (!reader.Read()) return refuse(reader.reason);
  if (!ChecksumHolds(all, header, reader.metadata)) {
    return refuse("is damaged: its checksum does not fit");
  }
  file.tensors_ = std::move(reader.tensors);
  file.metadata_ = std::move(reader.metadata);
  return file;
}

const StoredTensor* Safetensors::Find(std::string_view name) const {
  const auto found =
      std::lower_bound(tensors_.begin(), tensors_.end(), name,
                       [](const StoredTensor& t, std::string_view n) { return t.name < n; });
  return found != tensors_.end() && found->name == name ? &*found : nullptr;
}

std::string Safetensors::checksum() const {
  const auto found = metadata_.find(std::string(kChecksumKey));
  return found == metadata_.end() ? "" : found->second;
}

}  // namespace eta::tensor
