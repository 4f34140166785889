#include "vm/datum.h"

#include <charconv>
#include <cmath>

#include "vm/number_syntax.h"
#include "vm/utf8.h"

namespace eta {
namespace {

void AppendFloat(double value, std::string* out) {
  if (std::isnan(value)) {
    out->append("+nan.0");
  } else if (std::isinf(value)) {
    out->append(value < 0 ? "-inf.0" : "+inf.0");
  } else {
    char buffer[32];
    const char* end = std::to_chars(buffer, buffer + sizeof buffer, value).ptr;
    const std::string_view text(buffer, static_cast<size_t>(end - buffer));
    out->append(text);
    if (text.find_first_of(".e") == std::string_view::npos) out->append(".0");
  }
}

void AppendCharacter(uint32_t code_point, std::string* out) {
  out->append("#\\");
  if (code_point > 0x20 && code_point != 0x7F) {
    AppendUtf8(code_point, out);
    return;
  }
  char digits[8];
  const char* end = std::to_chars(digits, digits + sizeof digits, code_point, 16).ptr;
  out->append("x").append(digits, static_cast<size_t>(end - digits));
}

// Of a character that no text has.
constexpr std::string_view kNull = "\\x0;";

void AppendString(const std::string& text, std::string* out) {
  constexpr std::string_view kSpecial = "\a\b\t\n\r\"\\", kEscapes = "abtnr\"\\";
  out->push_back('"');
  for (char c : text) {
    const size_t index = kSpecial.find(c);
    if (c == '\0') {
      out->append(kNull);
    } else if (index == std::string_view::npos) {
      out->push_back(c);
    } else {
      out->append({'\\', kEscapes[index]});
    }
  }
  out->push_back('"');
}

bool IsPlainSymbol(const std::string& name) {
  constexpr std::string_view kOdd = "!$%&*/:<=>?^_~@+-.";
  if (name == "...") return true;
  if (name.empty() || name[0] == '.' || name == "Nil" || LooksLikeNumber(name)) return false;
  for (char c : name) {
    const bool alphanumeric =
        (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    if (!alphanumeric && kOdd.find(c) == std::string_view::npos) return false;
  }
  return true;
}

void AppendSymbol(const std::string& name, std::string* out) {
  if (IsPlainSymbol(name)) {
    out->append(name);
    return;
  }
  out->push_back('|');
  for (char c : name) {
    if (c == '\0') {
      out->append(kNull);
      continue;
    }
    if (c == '|' || c == '\\') out->push_back('\\');
    out->push_back(c);
  }
  out->push_back('|');
}

// Writes with a stack of what is still to come, so that the depth of a datum does not matter.
class Writer {
 public:
  std::string Write(const Datum* datum) {
    Push(datum);
    while (!items_.empty()) {
      const Item item = items_.back();
      items_.pop_back();
      if (!item.datum) {
        out_.append(item.text);
      } else if (item.is_tail) {
        Tail(item.datum);
      } else {
        Whole(item.datum);
      }
    }
    return std::move(out_);
  }

 private:
  struct Item {
    const Datum* datum;
    bool is_tail;  // the rest of a list whose beginning is written
    std::string_view text;
  };

  void Push(const Datum* datum) { items_.push_back({datum, false, {}}); }
  void PushText(std::string_view text) { items_.push_back({nullptr, false, text}); }

  void Whole(const Datum* datum) {
    switch (datum->kind) {
      case Datum::Kind::kNil:
        out_.append("()");
        break;
      case Datum::Kind::kBool:
        out_.append(datum->boolean ? "#t" : "#f");
        break;
      case Datum::Kind::kInt:
        out_.append(std::to_string(datum->integer));
        break;
      case Datum::Kind::kFloat:
        AppendFloat(datum->real, &out_);
        break;
      case Datum::Kind::kChar:
        AppendCharacter(datum->character, &out_);
        break;
      case Datum::Kind::kString:
        AppendString(datum->text, &out_);
        break;
      case Datum::Kind::kSymbol:
        AppendSymbol(*datum->symbol, &out_);
        break;
      case Datum::Kind::kPair:
        out_.push_back('(');
        items_.push_back({datum->Cdr(), true, {}});
        Push(datum->Car());
        break;
      case Datum::Kind::kVector:
        Vector(datum->elements);
        break;
      case Datum::Kind::kBytevector:
        Bytevector(datum->text);
        break;
      case Datum::Kind::kObject:
        out_.append("#<object>");
        break;
    }
  }

  void Tail(const Datum* tail) {
    if (tail->IsNil()) {
      out_.push_back(')');
    } else if (tail->IsPair()) {
      out_.push_back(' ');
      items_.push_back({tail->Cdr(), true, {}});
      Push(tail->Car());
    } else {
      out_.append(" . ");
      PushText(")");
      Push(tail);
    }
  }

  void Vector(const std::vector<const Datum*>& elements) {
    out_.append("#(");
    PushText(")");
    for (size_t i = elements.size(); i-- > 0;) {
      Push(elements[i]);
      if (i > 0) PushText(" ");
    }
  }

  void Bytevector(const std::string& bytes) {
    out_.append("#u8(");
    for (size_t i = 0; i < bytes.size(); ++i) {
      if (i > 0) out_.push_back(' ');
      out_.append(std::to_string(static_cast<unsigned char>(bytes[i])));
    }
    out_.push_back(')');
  }

  std::string out_;
  std::vector<Item> items_;
};

}  // namespace

bool ListElements(const Datum* list, std::vector<const Datum*>* out) {
  for (; list->IsPair(); list = list->Cdr()) out->push_back(list->Car());
  return list->IsNil();
}

std::string ToText(const Datum* datum) { return Writer().Write(datum); }

}  // namespace eta
