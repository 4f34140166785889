// Op: one row of an operation table.
//
//   constexpr NativeDef kOps[] = {
//       Op<"torch/softmax">([](const Tensor& x, Axis axis) { return at::softmax(x, axis.value); },
//                           "(softmax tensor axis): along the axis"),
//
// The conversions and the number of arguments are read off the function's type: `Call&` first, if
// it wants one; then one parameter per argument, of a type that has an Arg (marshal.h); optional
// ones as std::optional<T>; a Rest<T> or DtypeOption last. It returns anything that ToValue takes,
// or nothing. A second text, Op<"torch/arange", "numeric args required">, is what to say of
// arguments that do not fit instead of what their types say.
#pragma once

#include <tuple>
#include <type_traits>
#include <utility>

#include "torch/marshal.h"
#include "vm/native.h"

namespace eta::tensor {

// A string literal as a template argument.
template <size_t N>
struct Literal {
  constexpr Literal(const char (&literal)[N]) { std::copy_n(literal, N, chars); }
  constexpr std::string_view view() const { return {chars, N - 1}; }
  char chars[N];
};

namespace internal {

template <class T>
struct IsOptional : std::false_type {};
template <class T>
struct IsOptional<std::optional<T>> : std::true_type {};
template <class T>
struct IsRest : std::false_type {};
template <class T>
struct IsRest<Rest<T>> : std::true_type {};

// What is left of the arguments while they are read.
struct Unread {
  Args args;
  Value dtype = Value::Nil();  // the symbol that ended them, if they may end in one
};

// Reads the next argument as a T. False: it does not fit `*expected`.
template <class T>
struct Reader : Arg<T> {
  bool Next(Unread& unread, std::string_view* expected) {
    *expected = Arg<T>::kExpected;
    const Value v = unread.args.front();
    unread.args = unread.args.subspan(1);
    return this->Read(v);
  }
};

template <class T>
struct Reader<std::optional<T>> {
  bool Next(Unread& unread, std::string_view* expected) {
    if (unread.args.empty()) return true;
    Reader<T> reader;
    if (!reader.Next(unread, expected)) return false;
    value = reader.get();
    return true;
  }
  const std::optional<T>& get() const { return value; }
  std::optional<T> value;
};

template <class T>
struct Reader<Rest<T>> {
  bool Next(Unread& unread, std::string_view* expected) {
    while (!unread.args.empty()) {
      Reader<T> reader;
      if (!reader.Next(unread, expected)) return false;
      rest.items.push_back(reader.get());
    }
    return true;
  }
  const Rest<T>& get() const { return rest; }
  Rest<T> rest;
};

template <>
struct Reader<DtypeOption> {
  bool Next(Unread& unread, std::string_view* expected) {
    *expected = Arg<at::ScalarType>::kExpected;
    if (unread.dtype.IsNil()) return unread.args.empty();
    Arg<at::ScalarType> reader;
    if (!reader.Read(unread.dtype)) return false;
    option.dtype = reader.get();
    return true;
  }
  DtypeOption get() const { return option; }
  DtypeOption option;
};

// The parameters of an operation, without a leading Call&.
template <class... P>
struct Parameters {
  static constexpr bool kHasRest = (IsRest<P>::value || ...);
  static constexpr bool kHasDtype = (std::is_same_v<P, DtypeOption> || ...);
  static constexpr int kTensors = (0 + ... + std::is_same_v<P, Tensor>);
  static constexpr int kMinArgs =
      (0 + ... + !(IsOptional<P>::value || IsRest<P>::value || std::is_same_v<P, DtypeOption>));
  static constexpr int kMaxArgs = kHasRest ? kAnyCount : int{sizeof...(P)};

  static Unread Start(Args args) {
    if (!kHasDtype || args.size() <= kMinArgs || !IsSymbol(args.back())) return {args};
    if (SymbolName(args.back()).starts_with(':')) return {args};  // an option of another kind
    return {args.first(args.size() - 1), args.back()};
  }

  template <bool with_call, class F>
  static Value Invoke(Call& call) {
    std::tuple<Reader<P>...> readers;
    Unread unread = Start(call.args());
    std::string_view expected;
    auto read = [&](auto&... reader) { return (reader.Next(unread, &expected) && ...); };
    if (!std::apply(read, readers)) {
      if (expected == Arg<at::ScalarType>::kExpected) return call.Fail(expected);
      const bool plural = kTensors > 1 && expected == Arg<Tensor>::kExpected;
      return call.BadArgument(plural ? "tensor arguments required" : expected);
    }
    auto run = [&](auto&... reader) -> decltype(auto) {
      if constexpr (with_call) {
        return F{}(call, reader.get()...);
      } else {
        return F{}(reader.get()...);
      }
    };
    if constexpr (std::is_void_v<decltype(std::apply(run, readers))>) {
      std::apply(run, readers);
      return Value::Nil();
    } else {
      return ToValue(call.vm(), std::apply(run, readers));
    }
  }
};

template <class Function>
struct Signature;
template <class F, class R, class... P>
struct Signature<R (F::*)(P...) const> : Parameters<std::remove_cvref_t<P>...> {
  static constexpr bool kWithCall = false;
};
template <class F, class R, class... P>
struct Signature<R (F::*)(Call&, P...) const> : Parameters<std::remove_cvref_t<P>...> {
  static constexpr bool kWithCall = true;
};

template <Literal name, Literal complaint, class F>
Value Enter(Vm& vm, Args args) {
  using S = Signature<decltype(&F::operator())>;
  static constexpr OpInfo kInfo{name.view(), complaint.view()};
  return RunOperation(vm, kInfo, args, &S::template Invoke<S::kWithCall, F>);
}

}  // namespace internal

// The row of the operation `name`. `function` is a lambda without captures.
template <Literal name, Literal complaint = "", class F>
constexpr NativeDef Op(F, std::string_view doc) {
  static_assert(std::is_empty_v<F>, "an operation is a lambda without captures");
  using S = internal::Signature<decltype(&F::operator())>;
  return {name.view(), &internal::Enter<name, complaint, F>, S::kMinArgs, S::kMaxArgs, doc};
}

}  // namespace eta::tensor
