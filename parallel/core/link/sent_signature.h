// SentSignature: a signature as it travels to another process, where its name is another pointer.
#pragma once

#include "parallel/core/published.h"
#include "parallel/core/signature.h"

namespace eta::parallel {

class SentSignature {
 public:
  SentSignature() = default;
  explicit SentSignature(const Signature& signature);

  // With a name of the same text and static storage. Thread safety: any thread.
  Signature Get() const;

 private:
  Signature signature_;  // without its name
  Text name_;
};

}  // namespace eta::parallel
