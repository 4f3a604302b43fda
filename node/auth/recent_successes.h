// Logins that were right a few minutes ago, so that clients which log in every few seconds do not
// cost an Argon2id hash (64 MiB, 0.1 s) each time. Holds no password and no hash of one that means
// anything outside this process: the fingerprint is keyed with a secret of the process.
// Thread-safe; times are the caller's.
#pragma once

#include <chrono>
#include <mutex>
#include <sodium.h>
#include <string>

#include "base/ids.h"
#include "node/auth/lru_map.h"
#include "node/auth/throttle.h"

namespace everpost::node {

class RecentSuccesses {
 public:
  using Time = std::chrono::steady_clock::time_point;
  static constexpr std::chrono::minutes kGoodFor{10};
  static constexpr std::size_t kEntriesMax = 20'000;

  // True: this password was right for the account not long ago, and `stored_hash` is still what it
  // was checked against.
  bool knows(AccountId account, const std::string& stored_hash, const Fingerprint& attempt,
             Time now) {
    const std::lock_guard lock(mutex_);
    const Entry* entry = entries_.find(account);
    if (!entry || now - entry->since > kGoodFor || entry->stored_hash != stored_hash) return false;
    return sodium_memcmp(entry->attempt.data(), attempt.data(), attempt.size()) == 0;
  }

  void add(AccountId account, const std::string& stored_hash, const Fingerprint& attempt,
           Time now) {
    const std::lock_guard lock(mutex_);
    entries_.at(account) = Entry{stored_hash, attempt, now};
  }

 private:
  struct Entry {
    std::string stored_hash;
    Fingerprint attempt{};
    Time since{};
  };
  std::mutex mutex_;
  LruMap<AccountId, Entry> entries_{kEntriesMax};
};

}  // namespace everpost::node
