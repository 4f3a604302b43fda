// Decoded values of one kind of key, kept while a group of records is applied: each is read and
// decoded once, changed in memory by every command that touches it, and written once at the end.
// What a failing command changed can be undone.
#pragma once

#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/invariant.h"
#include "storage/index/index.h"
#include "storage/index/keys.h"

namespace everpost::storage::mail {

template <class Id, class Value, keys::Key (*key_of)(Id)>
class Cache {
 public:
  explicit Cache(IndexTxn& txn) : txn_(txn) {}

  // The value, or nullptr if there is none. Stays where it is until the cache goes; what it points
  // at is a moment's state.
  Result<const Value*> find(Id id) {
    ASSIGN_OR_RETURN(Entry * entry, load(id));
    return entry->value ? &*entry->value : nullptr;
  }
  // The same for one that was found before, to be changed.
  Value& change(Id id) {
    Entry& entry = known(id);
    INVARIANT(entry.value.has_value(), "what is changed is there");
    touch(entry);
    return *entry.value;
  }
  // Makes a value where there is none.
  Result<Value*> create(Id id) {
    ASSIGN_OR_RETURN(Entry * entry, load(id));
    INVARIANT(!entry->value.has_value(), "what is created was not there before");
    touch(*entry);
    return &entry->value.emplace();
  }
  void remove(Id id) {
    Entry& entry = known(id);
    touch(entry);
    entry.value.reset();
  }

  void mark() {
    ++command_;
    touched_.clear();
  }
  void undo_to_mark() {
    for (Entry* entry : touched_) entry->value = std::move(entry->before);
    touched_.clear();
  }

  // Writes what changed.
  void flush() {
    for (auto& [id, entry] : entries_) {
      if (!entry.changed) continue;
      entry.changed = false;
      std::optional<std::string> now;
      if (entry.value) now = entry.value->encode();
      if (now == entry.stored) continue;
      if (!now)
        txn_.erase(key_of(id), *entry.stored);
      else if (entry.stored)
        txn_.replace(key_of(id), *entry.stored, *now);
      else
        txn_.create(key_of(id), *now);
      entry.stored = std::move(now);
    }
  }

 private:
  struct Entry {
    std::optional<Value> value;
    std::optional<Value> before;        // what `value` was at the mark, once it is touched
    std::optional<std::string> stored;  // as it is in the transaction
    std::uint64_t command = 0;          // the mark after which it was touched first
    bool changed = false;
  };

  Result<Entry*> load(Id id) {
    const auto known = entries_.find(id);
    if (known != entries_.end()) return &known->second;
    Entry entry;
    ASSIGN_OR_RETURN(entry.stored, txn_.get(key_of(id)));
    if (entry.stored) {
      ASSIGN_OR_RETURN(entry.value, Value::decode(*entry.stored));
    }
    return &entries_.emplace(id, std::move(entry)).first->second;
  }
  Entry& known(Id id) {
    const auto found = entries_.find(id);
    INVARIANT(found != entries_.end(), "what is changed was found before");
    return found->second;
  }
  void touch(Entry& entry) {
    entry.changed = true;
    if (entry.command == command_) return;
    entry.command = command_;
    entry.before = entry.value;
    touched_.push_back(&entry);
  }

  IndexTxn& txn_;
  std::unordered_map<Id, Entry> entries_;
  std::vector<Entry*> touched_;  // since the mark
  std::uint64_t command_ = 0;
};

}  // namespace everpost::storage::mail
