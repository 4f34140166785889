// Status: how an operation of parallel/ ended. Result<T>: its value, or why there is none.
#pragma once

#include <string>
#include <utility>

#include "base/expected.h"

namespace eta::parallel {

enum class Code : unsigned char {
  kOk,
  kInvalid,     // an argument is wrong; nobody else took part, and the world is unharmed
  kPeerFailed,  // another rank failed, or left while this one needed it
  kDesync,      // the ranks are not in the same collective; no data was mixed
  kStalled,     // a rank was waited for longer than the stall timeout
  kAborted,     // the world was ended from outside (a signal, the parent)
};

struct [[nodiscard]] Status {
  Code code = Code::kOk;
  std::string message;  // empty if ok; else one or more lines without a final newline
  int rank = -1;        // the rank at fault, or -1 where there is not exactly one

  bool ok() const { return code == Code::kOk; }

  friend bool operator==(const Status&, const Status&) = default;
};

inline Status Invalid(std::string message) { return {Code::kInvalid, std::move(message), -1}; }

template <class T>
using Result = Expected<T, Status>;

}  // namespace eta::parallel
