// A map of bounded size: a new entry drives out the one that was not used for the longest time.
// Not thread-safe.
#pragma once

#include <cstddef>
#include <list>
#include <unordered_map>
#include <utility>

namespace everpost::node {

template <class Key, class Value>
class LruMap {
 public:
  explicit LruMap(std::size_t entries_max) : entries_max_(entries_max) {}

  // nullptr if there is none. The pointer is good until the next call.
  Value* find(const Key& key) {
    const auto found = by_key_.find(key);
    if (found == by_key_.end()) return nullptr;
    order_.splice(order_.begin(), order_, found->second);
    return &found->second->second;
  }

  // The entry, made with Value{} if there is none.
  Value& at(const Key& key) {
    if (Value* known = find(key)) return *known;
    if (by_key_.size() == entries_max_) {
      by_key_.erase(order_.back().first);
      order_.pop_back();
    }
    order_.emplace_front(key, Value{});
    by_key_.emplace(key, order_.begin());
    return order_.front().second;
  }

  void erase(const Key& key) {
    const auto found = by_key_.find(key);
    if (found == by_key_.end()) return;
    order_.erase(found->second);
    by_key_.erase(found);
  }

  std::size_t size() const { return by_key_.size(); }

 private:
  const std::size_t entries_max_;
  std::list<std::pair<Key, Value>> order_;  // most recently used first
  std::unordered_map<Key, typename std::list<std::pair<Key, Value>>::iterator> by_key_;
};

}  // namespace everpost::node
