#include "vm/equality.h"

#include <algorithm>
#include <unordered_set>
#include <utility>
#include <vector>

#include "vm/hamt.h"
#include "vm/intern_table.h"
#include "vm/vm.h"

namespace eta {
namespace {

constexpr int kHashBits = 46;
// Hashing looks at no more of a key than this, so that it ends on cyclic data.
constexpr int kHashedParts = 4096;
// Pairs of objects that a comparison visits before it starts to remember some.
constexpr uint64_t kFreeVisits = 100'000;
// Then it remembers every so many-th one and visits no remembered pair again. Each time that many
// are visited, one more of finitely many is remembered, so a comparison of cyclic data ends.
constexpr uint64_t kVisitsPerMemory = 64;
// Comparisons within comparisons, which only keys with the same hash in the same table need.
constexpr int kMaxNesting = 1000;

uint64_t Mix(uint64_t x) {  // the finalizer of splitmix64
  x += 0x9E3779B97F4A7C15;
  x = (x ^ x >> 30) * 0xBF58476D1CE4E5B9;
  x = (x ^ x >> 27) * 0x94D049BB133111EB;
  return x ^ x >> 31;
}

class Comparison {
 public:
  Comparison(Vm& vm, int nesting) : vm_(vm), nesting_(nesting) {}

  bool Run(Value a, Value b) {
    if (nesting_ > kMaxNesting) return false;
    work_.push_back({a, b});
    while (!work_.empty()) {
      const auto [x, y] = work_.back();
      work_.pop_back();
      if (!Eqv(x, y) && !Step(x, y)) return false;
    }
    return true;
  }

 private:
  using Work = std::pair<Value, Value>;
  struct WorkHash {
    size_t operator()(const Work& w) const { return Mix(w.first.bits() ^ Mix(w.second.bits())); }
  };

  // Decides, or leaves parts of the two to be compared. REQUIRES: not eqv.
  bool Step(Value x, Value y) {
    if (!x.IsObject() || !y.IsObject() || x.AsObject()->kind != y.AsObject()->kind) return false;
    switch (x.AsObject()->kind) {
      case ObjectKind::kPair:
        if (WasVisited(x, y)) return true;
        work_.push_back({Cdr(x), Cdr(y)});
        work_.push_back({Car(x), Car(y)});
        return true;
      case ObjectKind::kVector:
        return WasVisited(x, y) ||
               Vectors(As<VectorObject>(x)->span(), As<VectorObject>(y)->span());
      case ObjectKind::kBytevector:
        return std::ranges::equal(As<BytevectorObject>(x)->span(), As<BytevectorObject>(y)->span());
      case ObjectKind::kForeign:
        return Foreign(x, y);
      default:
        return false;
    }
  }

  bool WasVisited(Value x, Value y) {
    if (++visits_ < kFreeVisits) return false;
    if (remembered_.contains({x, y})) return true;
    if (visits_ % kVisitsPerMemory == 0) remembered_.insert({x, y});
    return false;
  }

  bool Vectors(std::span<const Value> x, std::span<const Value> y) {
    if (x.size() != y.size()) return false;
    for (size_t i = x.size(); i-- > 0;) work_.push_back({x[i], y[i]});
    return true;
  }

  bool Foreign(Value x, Value y) {
    const auto* a = As<ForeignObject>(x);
    const auto* b = As<ForeignObject>(y);
    if (a->type != b->type) return false;
    if (const Hamt* table = HashTableOf(x)) {
      return WasVisited(x, y) || Tables(*table, *HashTableOf(y));
    }
    return a->type->equal && a->type->equal(vm_, a->data, b->data);
  }

  // Equal tables iterate alike up to the order of the keys that share a hash.
  bool Tables(const Hamt& x, const Hamt& y) {
    if (x.count != y.count || x.hash_sum != y.hash_sum) return false;
    const std::vector<HamtEntry> a = Entries(x), b = Entries(y);
    for (size_t begin = 0, end; begin < a.size(); begin = end) {
      for (end = begin; end < a.size() && a[end].hash == a[begin].hash; ++end) {
        if (b[end].hash != a[end].hash) return false;
      }
      const std::span<const HamtEntry> run(b.begin() + begin, b.begin() + end);
      for (size_t i = begin; i < end; ++i) {
        const HamtEntry* match = run.size() == 1 ? &run[0] : FindKey(run, a[i].key);
        if (match == nullptr) return false;
        if (run.size() == 1) work_.push_back({a[i].key, match->key});
        work_.push_back({a[i].value, match->value});
      }
    }
    return true;
  }

  static std::vector<HamtEntry> Entries(const Hamt& table) {
    std::vector<HamtEntry> entries(table.count);
    HamtIterator iterator(table);
    for (HamtEntry& entry : entries) iterator.Next(&entry);
    return entries;
  }

  const HamtEntry* FindKey(std::span<const HamtEntry> entries, Value key) const {
    for (const HamtEntry& entry : entries) {
      if (Comparison(vm_, nesting_ + 1).Run(entry.key, key)) return &entry;
    }
    return nullptr;
  }

  Vm& vm_;
  const int nesting_;
  std::vector<Work> work_;
  uint64_t visits_ = 0;
  std::unordered_set<Work, WorkHash> remembered_;
};

// Hashes the parts of a value in order, each compound one as its kind and size, then its parts.
class Hashing {
 public:
  explicit Hashing(Vm& vm) : vm_(vm), state_(vm.heap().hash_seed()) {}

  std::optional<uint64_t> Run(Value value) {
    for (int parts = 1;; ++parts) {
      if (!(value.IsObject() ? Object(value) : Add(value.bits()))) return std::nullopt;
      if (work_.empty() || parts == kHashedParts) return state_ >> (64 - kHashBits);
      value = work_.back();
      work_.pop_back();
    }
  }

 private:
  // True, for the sake of `return Add(...)`.
  bool Add(uint64_t part) {
    state_ = Mix(state_ ^ part);
    return true;
  }

  bool Object(Value v) {
    const ObjectKind kind = v.AsObject()->kind;
    Add(static_cast<uint64_t>(kind));
    switch (kind) {
      case ObjectKind::kInt64:
        return Add(static_cast<uint64_t>(ToInt64(v)));
      case ObjectKind::kString:
        return Add(As<StringObject>(v)->hash);
      case ObjectKind::kSymbol:  // by name: addresses differ from VM to VM
        return Add(HashBytes(SymbolName(v), vm_.heap().hash_seed()));
      case ObjectKind::kPair:
        work_.push_back(Cdr(v));
        work_.push_back(Car(v));
        return true;
      case ObjectKind::kVector: {
        const std::span<const Value> elements = As<VectorObject>(v)->span();
        const size_t hashed = std::min<size_t>(elements.size(), kHashedParts);
        work_.insert(work_.end(), elements.rend() - hashed, elements.rend());
        return Add(elements.size());
      }
      case ObjectKind::kBytevector: {
        const std::span<const uint8_t> bytes = As<BytevectorObject>(v)->span();
        return Add(HashBytes({reinterpret_cast<const char*>(bytes.data()), bytes.size()},
                             vm_.heap().hash_seed()));
      }
      case ObjectKind::kForeign:
        return Foreign(v);
      default:
        return false;
    }
  }

  bool Foreign(Value v) {
    if (const Hamt* table = HashTableOf(v)) {
      Add(HashMapOf(v) != nullptr);
      return Add(table->hash_sum + table->count);
    }
    const auto* foreign = As<ForeignObject>(v);
    return foreign->type->hash && Add(foreign->type->hash(vm_, foreign->data));
  }

  Vm& vm_;
  uint64_t state_;
  std::vector<Value> work_;
};

}  // namespace

bool Eqv(Value a, Value b) {
  if (a == b) return true;
  const auto* x = As<Int64Object>(a);
  const auto* y = As<Int64Object>(b);
  return x && y && x->value == y->value;
}

bool Equal(Vm& vm, Value a, Value b) {
  if (Eqv(a, b)) return true;
  if (!a.IsObject() || !b.IsObject() || a.AsObject()->kind != b.AsObject()->kind) return false;
  return Comparison(vm, 0).Run(a, b);
}

std::optional<uint64_t> HashValue(Vm& vm, Value value) { return Hashing(vm).Run(value); }

}  // namespace eta
