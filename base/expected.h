// Expected<T, E>: a value or an error, after C++23's std::expected (which g++ 12 lacks).
//
//   Expected<int, Diagnostic> r = Parse(text);
//   if (!r) return Unexpected(std::move(r.error()));
//   use(*r);
#pragma once

#include <utility>
#include <variant>

#include "base/check.h"

namespace eta {

template <class E>
struct Unexpected {
  explicit Unexpected(E e) : error(std::move(e)) {}
  E error;
};

template <class T, class E>
class [[nodiscard]] Expected {
 public:
  Expected(T value) : state_(std::in_place_index<0>, std::move(value)) {}
  Expected(Unexpected<E> e) : state_(std::in_place_index<1>, std::move(e.error)) {}

  explicit operator bool() const { return state_.index() == 0; }

  // REQUIRES: holds a value.
  T& operator*() & { return value(); }
  const T& operator*() const& { return const_cast<Expected*>(this)->value(); }
  T&& operator*() && { return std::move(value()); }
  T* operator->() { return &value(); }
  const T* operator->() const { return &const_cast<Expected*>(this)->value(); }

  // REQUIRES: holds an error.
  E& error() {
    ETA_CHECK(!*this);
    return std::get<1>(state_);
  }
  const E& error() const { return const_cast<Expected*>(this)->error(); }

 private:
  T& value() {
    ETA_CHECK(static_cast<bool>(*this));
    return std::get<0>(state_);
  }

  std::variant<T, E> state_;
};

// What a step that yields nothing but can fail succeeds with.
struct Ok {};

}  // namespace eta
