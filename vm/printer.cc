#include "vm/printer.h"

#include <unordered_map>
#include <vector>

#include "vm/code.h"
#include "vm/hamt.h"
#include "vm/number_text.h"
#include "vm/utf8.h"
#include "vm/vm.h"

namespace eta {
namespace {

// Parts that are printed before it is worth asking whether the data is cyclic.
constexpr size_t kUncheckedParts = 1 << 16;

struct NamedChar {
  uint32_t code_point;
  std::string_view name;
};
constexpr NamedChar kCharNames[] = {{' ', "space"},  {'\n', "newline"}, {'\r', "return"},
                                    {'\t', "tab"},   {0, "null"},       {27, "escape"},
                                    {127, "delete"}, {'\a', "alarm"},   {'\b', "backspace"}};

void AppendHex(uint32_t code_point, std::string* out) {
  char buffer[16];
  std::snprintf(buffer, sizeof(buffer), "x%X", code_point);
  *out += buffer;
}

void WriteChar(uint32_t c, std::string* out) {
  *out += "#\\";
  if (c > ' ' && c < 127) {
    *out += static_cast<char>(c);
    return;
  }
  for (const NamedChar& named : kCharNames) {
    if (named.code_point == c) {
      *out += named.name;
      return;
    }
  }
  AppendHex(c, out);
}

void WriteString(std::string_view text, std::string* out) {
  constexpr std::string_view kEscaped = "\"\\\n\r\t\a\b";
  constexpr std::string_view kLetters = "\"\\nrtab";
  *out += '"';
  for (char c : text) {
    const size_t at = kEscaped.find(c);
    if (at == std::string_view::npos) {
      *out += c;
    } else {
      *out += '\\';
      *out += kLetters[at];
    }
  }
  *out += '"';
}

// What a compound value is made of, for looking into it.
void AppendParts(Value v, std::vector<Value>* parts) {
  if (IsPair(v)) {
    parts->push_back(Cdr(v));
    parts->push_back(Car(v));
  } else if (auto* vector = As<VectorObject>(v)) {
    parts->insert(parts->end(), vector->span().begin(), vector->span().end());
  } else if (const Hamt* table = HashTableOf(v)) {
    HamtIterator iterator(*table);
    for (HamtEntry entry; iterator.Next(&entry);) {
      parts->push_back(entry.key);
      parts->push_back(entry.value);
    }
  }
}

// Labels of the values that contain themselves; none of them numbered yet.
constexpr int kNoNumber = -1;
using Labels = std::unordered_map<const Object*, int>;

// A depth-first walk: what is met again while its parts are still being looked at closes a cycle.
// What is known of an object is in its header for the time being: a table of ten million would take
// ten times their memory.
class CycleFinder {
 public:
  Labels Run(Value root) {
    work_.push_back(root);
    while (!work_.empty()) {
      const Value v = work_.back();
      work_.pop_back();
      if (v.IsFailure()) {  // marks the end of the parts of the value below it
        work_.back().AsObject()->flags = kClosed;
        work_.pop_back();
      } else if (IsPair(v) || IsVector(v) || HashTableOf(v)) {
        Enter(v);
      }
    }
    for (Object* object : met_) object->flags = 0;
    return std::move(labels_);
  }

 private:
  static constexpr uint8_t kOpen = 1, kClosed = 2;

  void Enter(Value v) {
    Object* object = v.AsObject();
    if (object->flags == kOpen) labels_.try_emplace(object, kNoNumber);
    if (object->flags != 0) return;
    object->flags = kOpen;
    met_.push_back(object);
    work_.push_back(v);
    work_.push_back(Value::Failure());
    AppendParts(v, &work_);
  }

  std::vector<Value> work_;
  std::vector<Object*> met_;
  Labels labels_;
};

class Printer {
 public:
  Printer(Vm& vm, PrintMode mode, std::string* out, Labels* labels)
      : vm_(vm), mode_(mode), out_(*out), labels_(labels) {}

  // False: gave up after kUncheckedParts, since there are no labels to rely on.
  bool Run(Value value) {
    Begin(value);
    for (size_t parts = 0; !frames_.empty(); ++parts) {
      if (labels_ == nullptr && parts > kUncheckedParts) return false;
      Advance();
    }
    return true;
  }

 private:
  // A compound value that is being printed.
  struct Frame {
    enum class Kind : uint8_t { kList, kVector, kMap, kSet } kind;
    Value value;  // of a list, what is still to come
    size_t next = 0;
    std::vector<Value> entries;  // of a map: keys and values; of a set: keys
  };

  void Begin(Value v) {
    if (IsLabel(v) && !BeginLabelled(v)) return;
    if (IsPair(v)) {
      out_ += '(';
      frames_.push_back({Frame::Kind::kList, v});
    } else if (IsVector(v)) {
      out_ += "#(";
      frames_.push_back({Frame::Kind::kVector, v});
    } else if (const Hamt* map = HashMapOf(v)) {
      out_ += "#hashmap{";
      frames_.push_back({Frame::Kind::kMap, v, 0, Entries(*map, true)});
    } else if (const Hamt* set = HashSetOf(v)) {
      out_ += "#hashset{";
      frames_.push_back({Frame::Kind::kSet, v, 0, Entries(*set, false)});
    } else {
      PrintAtom(v);
    }
  }

  bool IsLabel(Value v) const { return labels_ && v.IsObject() && labels_->contains(v.AsObject()); }

  // False: it was printed before, so its label is all.
  bool BeginLabelled(Value v) {
    int& number = labels_->at(v.AsObject());
    const bool is_first = number == kNoNumber;
    if (is_first) number = next_number_++;
    out_ += '#';
    AppendInteger(number, &out_);
    out_ += is_first ? '=' : '#';
    return is_first;
  }

  static std::vector<Value> Entries(const Hamt& table, bool with_values) {
    std::vector<Value> entries;
    HamtIterator iterator(table);
    for (HamtEntry entry; iterator.Next(&entry);) {
      entries.push_back(entry.key);
      if (with_values) entries.push_back(entry.value);
    }
    return entries;
  }

  void Advance() {
    const Frame& frame = frames_.back();
    switch (frame.kind) {
      case Frame::Kind::kList:
        return AdvanceList();
      case Frame::Kind::kVector:
        return AdvanceSequence(As<VectorObject>(frame.value)->span(), ')', " ");
      case Frame::Kind::kMap:
        return AdvanceSequence(frame.entries, '}', frame.next % 2 == 0 ? ", " : " ");
      case Frame::Kind::kSet:
        return AdvanceSequence(frame.entries, '}', " ");
    }
  }

  void AdvanceSequence(std::span<const Value> items, char close, std::string_view separator) {
    Frame& frame = frames_.back();
    if (frame.next == items.size()) return Close(close);
    if (frame.next > 0) out_ += separator;
    Begin(items[frame.next++]);
  }

  void AdvanceList() {
    Frame& frame = frames_.back();
    const bool is_first = frame.next++ == 0;
    const Value rest = frame.value;
    if (rest.IsNil()) return Close(')');
    if (IsPair(rest) && (is_first || !IsLabel(rest))) {
      if (!is_first) out_ += ' ';
      frame.value = Cdr(rest);
      return Begin(Car(rest));
    }
    out_ += " . ";
    frame.value = Value::Nil();
    Begin(rest);
  }

  void Close(char c) {
    out_ += c;
    frames_.pop_back();
  }

  void PrintAtom(Value v) {
    if (v.IsInt()) {
      AppendInteger(v.AsInt(), &out_);
    } else if (v.IsDouble()) {
      AppendFloat(v.AsDouble(), &out_);
    } else if (v.IsChar()) {
      if (mode_ == PrintMode::kWrite) return WriteChar(v.AsChar(), &out_);
      AppendUtf8(v.AsChar(), &out_);
    } else if (v.IsObject()) {
      PrintObject(v);
    } else {
      out_ += v.IsNil() ? "()" : v.IsTrue() ? "#t" : v.IsFalse() ? "#f" : "#<object>";
    }
  }

  void PrintObject(Value v) {
    switch (v.AsObject()->kind) {
      case ObjectKind::kString:
        if (mode_ == PrintMode::kWrite) return WriteString(StringView(v), &out_);
        out_ += StringView(v);
        return;
      case ObjectKind::kSymbol:
        out_ += SymbolName(v);
        return;
      case ObjectKind::kInt64:
        return AppendInteger(ToInt64(v), &out_);
      case ObjectKind::kBytevector:
        return PrintBytes(As<BytevectorObject>(v)->span());
      case ObjectKind::kClosure:
        out_ += As<ClosureObject>(v)->code->is_builtin ? "#<primitive>" : "#<closure>";
        return;
      case ObjectKind::kNative:
        out_ += "#<primitive>";
        return;
      case ObjectKind::kContinuation:
        out_ += "#<continuation>";
        return;
      case ObjectKind::kForeign:
        return PrintForeign(*As<ForeignObject>(v));
      default:
        out_ += "#<object>";
    }
  }

  void PrintBytes(std::span<const uint8_t> bytes) {
    out_ += "#u8(";
    for (size_t i = 0; i < bytes.size(); ++i) {
      if (i > 0) out_ += ' ';
      AppendInteger(bytes[i], &out_);
    }
    out_ += ')';
  }

  void PrintForeign(const ForeignObject& foreign) {
    if (foreign.type->print) return foreign.type->print(vm_, foreign.data, mode_, &out_);
    out_ += "#<" + std::string(foreign.type->name) + ">";
  }

  Vm& vm_;
  const PrintMode mode_;
  std::string& out_;
  Labels* const labels_;
  int next_number_ = 0;
  std::vector<Frame> frames_;
};

}  // namespace

void Print(Vm& vm, Value value, PrintMode mode, std::string* out) {
  const size_t start = out->size();
  if (Printer(vm, mode, out, nullptr).Run(value)) return;
  out->resize(start);
  Labels labels = CycleFinder().Run(value);
  Printer(vm, mode, out, &labels).Run(value);
}

std::string ToText(Vm& vm, Value value, PrintMode mode) {
  std::string text;
  Print(vm, value, mode, &text);
  return text;
}

}  // namespace eta
