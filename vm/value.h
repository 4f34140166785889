// Value: one 64-bit word that holds any Eta value (a NaN-box).
//
//   63        51 50  48 47                                             0
//   0x0000 ... 0xFFF7 |  an IEEE double, stored as it is (every NaN is the canonical 0x7FF8 << 48)
//   1111111111111 000 | ------------------------------------------ id |  (), #t, #f, the failure
//   mark 1111111111111 001 | ---------------------------------- code point |  character
//   1111111111111 010 |                 address of a heap Object      |  48 bits
//   1111111111111 111 |         two's complement, sign-extended       |  integer, -2^46 .. 2^46-1
//
// A word below 0xFFF8 << 48 is a double, so testing for one is a single unsigned comparison. The
// integer tag is all ones, so that `a & b` tells in one comparison whether both are integers.
// Larger int64 live on the heap (Int64Object), still as integers. No other file touches bits.
#pragma once

#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>

#include "base/check.h"

namespace eta {

struct Object;

class Value {
 public:
  constexpr Value() : bits_(kNil) {}

  static constexpr Value Nil() { return Value(kNil); }
  static constexpr Value True() { return Value(kTrue); }
  static constexpr Value False() { return Value(kFalse); }
  static constexpr Value Bool(bool b) { return Value(b ? kTrue : kFalse); }
  // What a native returns after Vm::Fail; never visible to a program.
  static constexpr Value Failure() { return Value(kFailure); }
  static constexpr Value Char(uint32_t code_point) { return Value(kCharTag | code_point); }
  static constexpr Value Double(double d) {
    if (d != d) [[unlikely]] {
      return Value(kCanonicalNan);
    }
    return Value(std::bit_cast<uint64_t>(d));
  }
  // REQUIRES: FitsInt(i). For any int64 use Heap::Integer.
  static constexpr Value Int(int64_t i) { return Value(kIntTag | (uint64_t(i) & kPayloadMask)); }
  static Value Of(const Object* object) {
    const auto address = reinterpret_cast<uintptr_t>(object);
    ETA_DCHECK(address != 0 && (address & ~kPayloadMask) == 0);
    return Value(kObjectTag | address);
  }
  static constexpr Value FromBits(uint64_t bits) { return Value(bits); }

  constexpr uint64_t bits() const { return bits_; }

  constexpr bool IsNil() const { return bits_ == kNil; }
  constexpr bool IsTrue() const { return bits_ == kTrue; }
  constexpr bool IsFalse() const { return bits_ == kFalse; }
  constexpr bool IsBool() const { return IsTrue() || IsFalse(); }
  constexpr bool IsFailure() const { return bits_ == kFailure; }
  constexpr bool IsTruthy() const { return bits_ != kFalse; }
  constexpr bool IsDouble() const { return bits_ < kFirstTag; }
  constexpr bool IsChar() const { return (bits_ & kTagMask) == kCharTag; }
  constexpr bool IsObject() const { return (bits_ & kTagMask) == kObjectTag; }
  constexpr bool IsInt() const { return bits_ >= kIntTag; }
  static constexpr bool BothInts(Value a, Value b) { return (a.bits_ & b.bits_) >= kIntTag; }

  constexpr uint32_t AsChar() const { return static_cast<uint32_t>(bits_ & kPayloadMask); }
  constexpr double AsDouble() const { return std::bit_cast<double>(bits_); }
  constexpr int64_t AsInt() const { return static_cast<int64_t>(bits_ << 16) >> 16; }
  Object* AsObject() const { return reinterpret_cast<Object*>(bits_ & kPayloadMask); }

  static constexpr int64_t kMaxInt = (int64_t{1} << 46) - 1;
  static constexpr int64_t kMinInt = -(int64_t{1} << 46);
  static constexpr bool FitsInt(int64_t i) {
    // In unsigned arithmetic, since i - kMinInt may overflow.
    return static_cast<uint64_t>(i) - static_cast<uint64_t>(kMinInt) <=
           static_cast<uint64_t>(kMaxInt - kMinInt);
  }

  // Sum and difference of inline integers; false when the result is not inline. Overflow shows when
  // the 47 bits stand at the top of a word. The result itself is formed in place, which is the
  // shorter way: the payloads add up modulo 2^48, and whatever happens to the tags is overwritten.
  static bool AddInts(Value a, Value b, Value* sum) {
    int64_t top;
    *sum = Value((a.bits_ + b.bits_) | kIntTag);
    return !__builtin_add_overflow(a.IntAtTop(), b.IntAtTop(), &top);
  }
  static bool SubInts(Value a, Value b, Value* difference) {
    int64_t top;
    *difference = Value((a.bits_ - b.bits_) | kIntTag);
    return !__builtin_sub_overflow(a.IntAtTop(), b.IntAtTop(), &top);
  }

  // The language's eq?: the same word. Strings are interned, so content decides for them too.
  friend constexpr bool operator==(Value a, Value b) { return a.bits_ == b.bits_; }

 private:
  explicit constexpr Value(uint64_t bits) : bits_(bits) {}
  constexpr int64_t IntAtTop() const { return static_cast<int64_t>(bits_ << 17); }

  static constexpr uint64_t kPayloadMask = (uint64_t{1} << 48) - 1;
  static constexpr uint64_t kTagMask = ~kPayloadMask;
  static constexpr uint64_t kFirstTag = uint64_t{0xFFF8} << 48;
  static constexpr uint64_t kCharTag = uint64_t{0xFFF9} << 48;
  static constexpr uint64_t kObjectTag = uint64_t{0xFFFA} << 48;
  static constexpr uint64_t kIntTag = uint64_t{0xFFFF} << 48;
  static constexpr uint64_t kCanonicalNan = uint64_t{0x7FF8} << 48;
  static constexpr uint64_t kNil = kFirstTag | 0;
  static constexpr uint64_t kTrue = kFirstTag | 1;
  static constexpr uint64_t kFalse = kFirstTag | 2;
  static constexpr uint64_t kFailure = kFirstTag | 3;

  uint64_t bits_;
};

static_assert(sizeof(Value) == 8);
static_assert(Value::Double(-std::numeric_limits<double>::infinity()).IsDouble());
static_assert(Value::Double(-std::numeric_limits<double>::quiet_NaN()).IsDouble());
static_assert(Value::Int(Value::kMinInt).AsInt() == Value::kMinInt);
static_assert(Value::Int(Value::kMaxInt).AsInt() == Value::kMaxInt);
static_assert(!Value::FitsInt(Value::kMaxInt + 1) && !Value::FitsInt(Value::kMinInt - 1));
static_assert(!Value::BothInts(Value::Int(1), Value::Double(1.0)));

}  // namespace eta
