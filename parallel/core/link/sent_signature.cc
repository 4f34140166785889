#include "parallel/core/link/sent_signature.h"

#include <string>
#include <unordered_set>

#include "base/mutex.h"

namespace eta::parallel {
namespace {

// There are as many as procedures that meet, so they are kept for good.
const char* StaticName(const Text& name) {
  static Mutex mu;
  static auto* const names = new std::unordered_set<std::string>;
  if (name.empty()) return nullptr;
  MutexLock lock(mu);
  return names->insert(name.str()).first->c_str();
}

}  // namespace

SentSignature::SentSignature(const Signature& signature)
    : signature_(signature), name_(signature.name == nullptr ? "" : signature.name) {
  signature_.name = nullptr;
}

Signature SentSignature::Get() const {
  Signature signature = signature_;
  signature.name = StaticName(name_);
  return signature;
}

}  // namespace eta::parallel
