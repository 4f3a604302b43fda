// The changes of a transaction before they are written: an ordered map on top of the index, with a
// log to undo them and the digest they lead to. Knows nothing of the database below.
#pragma once

#include <map>
#include <memory_resource>
#include <string_view>
#include <vector>

#include "storage/index/digest.h"

namespace everpost::storage {

class Overlay {
 public:
  struct Slot {
    std::string_view value;
    StateDigest hash;   // of key and value while live, otherwise zero
    bool live = false;  // false: the key is removed
  };
  // Ordered, and its nodes stay where they are when others come and go.
  using Slots = std::pmr::map<std::string_view, Slot>;

  explicit Overlay(StateDigest base) : digest_(base) {}

  const Slots& slots() const { return slots_; }
  const Slot* find(std::string_view key) const;
  const StateDigest& digest() const { return digest_; }
  std::size_t bytes() const { return bytes_; }

  // Sets or removes a key. `below` is the hash of what the database has for it (zero if nothing),
  // of no importance when the key has a slot already.
  void set(std::string_view key, std::string_view value, const StateDigest& below);
  void remove(std::string_view key, const StateDigest& below);

  void mark();
  void undo_to_mark();

 private:
  struct Undo {
    Slots::iterator slot;
    Slot before;
    bool inserted;
  };
  Slot& touch(std::string_view key, const StateDigest& below);
  std::string_view store(std::string_view key, std::string_view value);

  std::pmr::monotonic_buffer_resource memory_{std::size_t{16} << 10};
  Slots slots_{&memory_};
  StateDigest digest_;
  std::size_t bytes_ = 0;
  std::vector<Undo> undo_;
  StateDigest marked_digest_;
  bool marked_ = false;  // before the first mark there is nothing to go back to
};

}  // namespace everpost::storage
