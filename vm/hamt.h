// Hamt: persistent hash tables, the representation of hash maps and hash sets.
//
// A hash-array-mapped trie, five bits of the hash per level. Its nodes are ordinary vectors of the
// heap, never changed once they are part of a table, so that versions of a table share them and the
// collector needs to know nothing special:
//
//   #(ENTRIES CHILDREN  hash key value  hash key value ...  child ...)
//
// ENTRIES and CHILDREN are bit sets over the 32 values of the level's hash bits. Below the last
// level ENTRIES is the number of entries, which all have the same hash.
//
// Entries come in the order of their hashes, so two tables with the same keys iterate alike, apart
// from keys that share a whole hash.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "vm/native.h"

namespace eta {

class Vm;

struct Hamt {
  Value root;             // a node, or () when empty
  size_t count = 0;       // of entries
  uint64_t hash_sum = 0;  // of the keys' hashes: the table's own hash
};

struct HamtEntry {
  uint64_t hash;
  Value key;
  Value value;
};

extern const ForeignType kHashMapType;
extern const ForeignType kHashSetType;  // keys only; the values are #t

// The table behind a hash map or a hash set; null when `v` is neither.
const Hamt* HashMapOf(Value v);
const Hamt* HashSetOf(Value v);
const Hamt* HashTableOf(Value v);  // either

// A hash map or set of the table.
Value NewHashTable(Vm& vm, const ForeignType* type, const Hamt& table);

// In these three, `hash` is HashValue(key).
// The key's value, or null; valid until the next allocation.
const Value* HamtFind(Vm& vm, const Hamt& table, Value key, uint64_t hash);
// With the key bound to `value`. REQUIRES: table.root, key and value are rooted; the result is not.
Hamt HamtInsert(Vm& vm, const Hamt& table, Value key, uint64_t hash, Value value);
// Without the key; the same root when it was not there. REQUIRES: table.root is rooted.
Hamt HamtRemove(Vm& vm, const Hamt& table, Value key, uint64_t hash);

// Walks over the entries. Allocates nothing on the heap; the table must stay reachable.
class HamtIterator {
 public:
  explicit HamtIterator(const Hamt& table);
  // False at the end.
  bool Next(HamtEntry* entry);

 private:
  struct Position {
    const VectorObject* node;
    size_t entry, child;  // the slots of the next ones
    uint32_t left;        // bits that are still to come; in a node of equal hashes, entries
    int level;
  };
  void Enter(Value node, int level);

  std::vector<Position> path_;
};

}  // namespace eta
