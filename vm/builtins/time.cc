// Clocks and calendar. Times are in milliseconds since 1970 unless a name says otherwise.
#include <time.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <thread>

#include "vm/builtins/arguments.h"
#include "vm/builtins/builtins.h"

namespace eta {
namespace {

using std::chrono::duration_cast;
// How long a pause may keep a VM from noticing an interrupt.
constexpr int64_t kLongestPauseMs = 20;
// Years of four digits are what the formats have room for.
constexpr int64_t kMaxSeconds = 253'402'300'799;  // 9999-12-31T23:59:59Z
constexpr int64_t kMinSeconds = -62'135'596'800;  // 0001-01-01T00:00:00Z

template <class Unit, class Clock>
Value Now(Vm& vm) {
  return vm.heap().Integer(duration_cast<Unit>(Clock::now().time_since_epoch()).count());
}

Value NowMs(Vm& vm, Args) { return Now<std::chrono::milliseconds, std::chrono::system_clock>(vm); }
Value NowUs(Vm& vm, Args) { return Now<std::chrono::microseconds, std::chrono::system_clock>(vm); }
Value NowNs(Vm& vm, Args) { return Now<std::chrono::nanoseconds, std::chrono::system_clock>(vm); }
Value MonotonicMs(Vm& vm, Args) {
  return Now<std::chrono::milliseconds, std::chrono::steady_clock>(vm);
}

// An integer, or a float that is one; nothing, with an error pending, for any other value.
std::optional<int64_t> Milliseconds(Vm& vm, std::string_view name, Value v) {
  if (IsInteger(v)) return ToInt64(v);
  const double limit = 9e15;  // where floats stop telling integers apart
  if (v.IsDouble() && std::fabs(v.AsDouble()) <= limit &&
      std::trunc(v.AsDouble()) == v.AsDouble()) {
    return static_cast<int64_t>(v.AsDouble());
  }
  (void)Wrong(vm, name, "milliseconds must be an integer");
  return std::nullopt;
}

Value Pause(Vm& vm, Args args) {
  const auto ms = Milliseconds(vm, "%time-sleep-ms", args[0]);
  if (!ms) return Value::Failure();
  if (*ms < 0) return Wrong(vm, "%time-sleep-ms", "milliseconds must not be negative");
  const int64_t pause = std::min(*ms, kLongestPauseMs);
  std::this_thread::sleep_for(std::chrono::milliseconds(pause));
  return vm.heap().Integer(*ms - pause);
}

// The calendar's view of a time, in UTC or here; nothing, with an error pending, when it has none.
std::optional<tm> Calendar(Vm& vm, std::string_view name, Value v, bool is_local) {
  const auto ms = Milliseconds(vm, name, v);
  if (!ms) return std::nullopt;
  const time_t seconds = *ms / 1000 - (*ms % 1000 < 0 ? 1 : 0);
  tm parts = {};
  if (seconds < kMinSeconds || seconds > kMaxSeconds ||
      (is_local ? localtime_r(&seconds, &parts) : gmtime_r(&seconds, &parts)) == nullptr) {
    (void)Wrong(vm, name, "time out of range");
    return std::nullopt;
  }
  return parts;
}

Value Parts(Vm& vm, const tm& t) {
  const std::pair<std::string_view, Value> parts[] = {
      {"year", Value::Int(t.tm_year + 1900)},  {"month", Value::Int(t.tm_mon + 1)},
      {"day", Value::Int(t.tm_mday)},          {"hour", Value::Int(t.tm_hour)},
      {"minute", Value::Int(t.tm_min)},        {"second", Value::Int(t.tm_sec)},
      {"weekday", Value::Int(t.tm_wday)},      {"yearday", Value::Int(t.tm_yday)},
      {"is-dst", Value::Bool(t.tm_isdst > 0)}, {"offset-minutes", Value::Int(t.tm_gmtoff / 60)},
  };
  RootVector items(vm.heap());
  for (const auto& [name, value] : parts) {
    items.push_back(vm.heap().Cons(vm.Symbol(name), value));
  }
  return vm.heap().List(items.span());
}

Value UtcParts(Vm& vm, Args args) {
  const auto t = Calendar(vm, "%time-utc-parts", args[0], false);
  return t ? Parts(vm, *t) : Value::Failure();
}

Value LocalParts(Vm& vm, Args args) {
  const auto t = Calendar(vm, "%time-local-parts", args[0], true);
  return t ? Parts(vm, *t) : Value::Failure();
}

std::string DateAndTime(const tm& t) {
  char text[64];
  std::snprintf(text, sizeof(text), "%04d-%02d-%02dT%02d:%02d:%02d", t.tm_year + 1900, t.tm_mon + 1,
                t.tm_mday, t.tm_hour, t.tm_min, t.tm_sec);
  return text;
}

Value FormatUtc(Vm& vm, Args args) {
  const auto t = Calendar(vm, "%time-format-iso8601-utc", args[0], false);
  return t ? vm.String(DateAndTime(*t) + "Z") : Value::Failure();
}

Value FormatLocal(Vm& vm, Args args) {
  const auto t = Calendar(vm, "%time-format-iso8601-local", args[0], true);
  if (!t) return Value::Failure();
  const int minutes = std::abs(static_cast<int>(t->tm_gmtoff / 60));
  char offset[32];
  std::snprintf(offset, sizeof(offset), "%c%02d:%02d", t->tm_gmtoff < 0 ? '-' : '+', minutes / 60,
                minutes % 60);
  return vm.String(DateAndTime(*t) + offset);
}

constexpr NativeDef kNatives[] = {
    {"%time-now-ms", NowMs, 0, 0, "(%time-now-ms): ms since 1970"},
    {"%time-now-us", NowUs, 0, 0, "(%time-now-us): microseconds since 1970"},
    {"%time-now-ns", NowNs, 0, 0, "(%time-now-ns): nanoseconds since 1970"},
    {"%time-monotonic-ms", MonotonicMs, 0, 0, "(%time-monotonic-ms): ms of a clock never set back"},
    {"%time-pause-ms", Pause, 1, 1,
     "(%time-pause-ms ms): sleeps for a short part of it; returns what is left"},
    {"%time-utc-parts", UtcParts, 1, 1, "(%time-utc-parts ms): year, month ... as an alist"},
    {"%time-local-parts", LocalParts, 1, 1, "(%time-local-parts ms): the same in local time"},
    {"%time-format-iso8601-utc", FormatUtc, 1, 1,
     "(%time-format-iso8601-utc ms): as 2024-02-29T12:00:00Z"},
    {"%time-format-iso8601-local", FormatLocal, 1, 1,
     "(%time-format-iso8601-local ms): as 2024-02-29T13:00:00+01:00"},
};

}  // namespace

std::span<const NativeDef> TimeBuiltins() { return kNatives; }

}  // namespace eta
