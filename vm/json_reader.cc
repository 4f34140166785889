// Reading JSON, with JSON for Modern C++, whose parser keeps its own stack.
#include <nlohmann/json.hpp>

#include "vm/builtins/hash_tables.h"
#include "vm/json.h"

namespace eta {
namespace {

using nlohmann::json;

constexpr size_t kMaxReasonBytes = 160;

// What the library says, without its own numbering and place: "unexpected end of input; ...".
std::string Reason(std::string_view what) {
  for (std::string_view before : {"] ", " - "}) {
    const size_t at = what.find(before);
    if (at != std::string_view::npos) what.remove_prefix(at + before.size());
  }
  if (what.size() > kMaxReasonBytes) return std::string(what.substr(0, kMaxReasonBytes)) + "...";
  return std::string(what);
}

// Makes values of what the parser meets. Those that are not yet part of another lie on a stack.
class Builder final : public json::json_sax_t {
 public:
  Builder(Vm& vm, std::string_view name, bool exact_integers)
      : vm_(vm), name_(name), exact_integers_(exact_integers), values_(vm.heap()) {}

  Value result() { return values_[0]; }

  bool null() override { return Push(Value::Nil()); }
  bool boolean(bool b) override { return Push(Value::Bool(b)); }
  bool number_integer(int64_t i) override {
    return Push(exact_integers_ ? vm_.heap().Integer(i) : Value::Double(static_cast<double>(i)));
  }
  bool number_unsigned(uint64_t i) override {
    if (i <= INT64_MAX) return number_integer(static_cast<int64_t>(i));
    return Push(Value::Double(static_cast<double>(i)));
  }
  bool number_float(double d, const std::string&) override { return Push(Value::Double(d)); }
  bool string(std::string& text) override { return Push(vm_.String(text)); }
  bool binary(json::binary_t&) override { return false; }
  bool key(std::string& text) override { return Push(vm_.String(text)); }

  bool start_array(size_t) override { return Start(); }
  bool start_object(size_t) override { return Start(); }

  bool end_array() override {
    const std::span<const Value> items = Top();
    if (!MakeRoom(vm_, name_, VectorObject::Bytes(items.size()))) return false;
    const Value array = vm_.heap().Vector(items.size(), Value::Nil());
    std::ranges::copy(items, As<VectorObject>(array)->elements);
    return Replace(array);
  }

  bool end_object() override {
    const std::span<const Value> items = Top();
    TableBuilder builder(vm_, name_);
    for (size_t i = 0; i < items.size(); i += 2) {
      if (!builder.Put(items[i], items[i + 1])) return false;
    }
    return Replace(builder.Finish(&kHashMapType));
  }

  bool parse_error(size_t position, const std::string&, const json::exception& error) override {
    // The position counts the byte that does not fit.
    const size_t at = position > 0 ? position - 1 : 0;
    (void)vm_.Fail(kJsonError, std::string(name_) + ": invalid JSON: JSON parse error at " +
                                   std::to_string(at) + ": " + Reason(error.what()));
    return false;
  }

 private:
  bool Push(Value v) {
    values_.push_back(v);
    return true;
  }
  bool Start() {
    starts_.push_back(values_.size());
    return true;
  }
  // What the innermost array or object contains.
  std::span<const Value> Top() { return values_.span().subspan(starts_.back()); }
  bool Replace(Value whole) {
    values_.values().resize(starts_.back());
    starts_.pop_back();
    return Push(whole);
  }

  Vm& vm_;
  const std::string_view name_;
  const bool exact_integers_;
  RootVector values_;
  std::vector<size_t> starts_;  // of the open arrays and objects
};

}  // namespace

Value ReadJson(Vm& vm, std::string_view name, std::string_view text, bool exact_integers) {
  Builder builder(vm, name, exact_integers);
  if (!json::sax_parse(text.begin(), text.end(), &builder)) return Value::Failure();
  return builder.result();
}

}  // namespace eta
