// Answers of look-ups, kept as long as the state they came from: bounded, the least recently used
// one goes first, and everything goes when the state's version changes. Thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>

namespace everpost::node {

template <class Value>  // cheap to copy: a shared_ptr; an answer "no" is a value like others
class LookupCache {
 public:
  // `weight_max` bounds the sum of all entries' weights.
  explicit LookupCache(std::size_t weight_max) : weight_max_(weight_max) {}

  std::optional<Value> get(const std::string& key, std::uint64_t version) {
    const std::lock_guard lock(mutex_);
    if (version != version_) return std::nullopt;
    const auto found = by_key_.find(key);
    if (found == by_key_.end()) return std::nullopt;
    order_.splice(order_.begin(), order_, found->second);
    return found->second->value;
  }

  // `version` is the state's before the look-up began: a value read later is at least that new.
  void put(std::string key, std::uint64_t version, Value value, std::size_t weight = 1) {
    if (weight > weight_max_ / 8) return;  // one answer must not drive out all others
    std::list<Entry> dropped;              // destroyed outside the lock
    const std::lock_guard lock(mutex_);
    if (version < version_) return;
    if (version > version_) {
      by_key_.clear();
      dropped.swap(order_);
      weight_ = 0;
      version_ = version;
    }
    if (by_key_.contains(key)) return;
    order_.push_front(Entry{std::move(key), std::move(value), weight});
    by_key_.emplace(order_.front().key, order_.begin());
    weight_ += weight;
    while (weight_ > weight_max_) {
      weight_ -= order_.back().weight;
      by_key_.erase(order_.back().key);
      dropped.splice(dropped.begin(), order_, std::prev(order_.end()));
    }
  }

 private:
  struct Entry {
    std::string key;
    Value value;
    std::size_t weight;
  };

  const std::size_t weight_max_;
  std::mutex mutex_;
  std::uint64_t version_ = 0;
  std::size_t weight_ = 0;
  std::list<Entry> order_;  // most recently used first
  // Keys are views of the entries' own.
  std::unordered_map<std::string_view, typename std::list<Entry>::iterator> by_key_;
};

}  // namespace everpost::node
