#include <algorithm>
#include <cmath>
#include <utility>
#include <vector>

#include "vm/hamt.h"
#include "vm/json.h"
#include "vm/number_text.h"
#include "vm/vm.h"

namespace eta {
namespace {

// Above this the text is more likely that of data which shares parts than of any use.
constexpr size_t kMaxTextBytes = UINT32_MAX - 1;

void AppendString(std::string_view text, std::string* out) {
  constexpr std::string_view kEscaped = "\"\\\b\f\n\r\t";
  constexpr std::string_view kLetters = "\"\\bfnrt";
  constexpr char kDigits[] = "0123456789abcdef";
  *out += '"';
  for (char c : text) {
    const auto byte = static_cast<uint8_t>(c);
    if (byte >= ' ' && c != '"' && c != '\\') {
      *out += c;
    } else if (const size_t at = kEscaped.find(c); at != std::string_view::npos) {
      *out += '\\';
      *out += kLetters[at];
    } else {
      *out += "\\u00";
      *out += kDigits[byte >> 4];
      *out += kDigits[byte & 15];
    }
  }
  *out += '"';
}

// Allocates nothing on the heap, so nothing needs a root.
class Writer {
 public:
  Expected<std::string, std::string> Run(Value value) {
    if (!Begin(value)) return Unexpected(std::move(error_));
    while (!frames_.empty()) {
      if (!Advance()) return Unexpected(std::move(error_));
    }
    return std::move(out_);
  }

 private:
  struct Member {
    std::string_view key;
    Value value;
  };
  // An array or object that is being written.
  struct Frame {
    Value container;
    size_t next = 0;
    std::vector<Member> members;  // of an object, sorted
  };

  bool Fail(std::string error) {
    error_ = std::move(error);
    return false;
  }

  bool Begin(Value v) {
    if (out_.size() > kMaxTextBytes) return Fail("the text would be longer than 4 GiB");
    if (IsVector(v)) return Open({v}, '[');
    if (const Hamt* map = HashMapOf(v)) return OpenObject(v, *map);
    return Atom(v);
  }

  bool Atom(Value v) {
    if (v.IsNil()) {
      out_ += "null";
    } else if (v.IsBool()) {
      out_ += v.IsTrue() ? "true" : "false";
    } else if (IsInteger(v)) {
      AppendInteger(ToInt64(v), &out_);
    } else if (v.IsDouble()) {
      if (!std::isfinite(v.AsDouble())) return Fail("JSON has no inf and no nan");
      AppendFloat(v.AsDouble(), &out_);
    } else if (IsString(v)) {
      AppendString(StringView(v), &out_);
    } else if (IsSymbol(v)) {
      AppendString(SymbolName(v), &out_);
    } else {
      return Fail("unsupported value type for JSON encoding");
    }
    return true;
  }

  bool OpenObject(Value v, const Hamt& map) {
    Frame frame{v};
    HamtIterator iterator(map);
    for (HamtEntry entry; iterator.Next(&entry);) {
      if (!IsString(entry.key) && !IsSymbol(entry.key)) {
        return Fail("a key of a JSON object must be a string or a symbol");
      }
      const std::string_view key =
          IsString(entry.key) ? StringView(entry.key) : std::string_view(SymbolName(entry.key));
      frame.members.push_back({key, entry.value});
    }
    std::ranges::sort(frame.members, {}, &Member::key);
    return Open(std::move(frame), '{');
  }

  // Whenever the depth has doubled, looks for a container inside itself.
  bool Open(Frame frame, char bracket) {
    frames_.push_back(std::move(frame));
    out_ += bracket;
    if (frames_.size() < next_check_) return true;
    next_check_ *= 2;
    return !IsCyclic() || Fail("cannot encode data that contains itself");
  }

  bool IsCyclic() const {
    std::vector<uint64_t> containers;
    for (const Frame& frame : frames_) containers.push_back(frame.container.bits());
    std::ranges::sort(containers);
    return std::ranges::adjacent_find(containers) != containers.end();
  }

  bool Advance() {
    Frame& frame = frames_.back();
    const auto* array = As<VectorObject>(frame.container);
    if (frame.next == (array ? array->length : frame.members.size())) {
      out_ += array ? ']' : '}';
      frames_.pop_back();
      return true;
    }
    if (frame.next > 0) out_ += ',';
    if (array) return Begin(array->elements[frame.next++]);
    const Member& member = frame.members[frame.next++];
    AppendString(member.key, &out_);
    out_ += ':';
    return Begin(member.value);
  }

  std::string out_;
  std::string error_;
  std::vector<Frame> frames_;
  size_t next_check_ = 1024;
};

}  // namespace

Expected<std::string, std::string> JsonText(Value value) { return Writer().Run(value); }

}  // namespace eta
