// Who wants to be told when a mailbox, or an account's list of mailboxes, has changed. Thread-safe.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <span>
#include <unordered_map>
#include <vector>

#include "base/ids.h"
#include "cluster/mail_store.h"

namespace everpost::cluster {

class Watchers : public std::enable_shared_from_this<Watchers> {
 public:
  std::unique_ptr<Watch> watch(MailboxId mailbox, std::function<void()> changed);
  std::unique_ptr<Watch> watch(AccountId account, std::function<void()> changed);
  std::unique_ptr<Watch> watch_queue(std::function<void()> changed);

  // Calls those who watch one of them.
  void notify(std::span<const MailboxId> mailboxes, std::span<const AccountId> accounts,
              bool queue);

 private:
  class Entry;
  // What is watched, as one key: the kind in the low bits keeps them apart.
  using Key = std::uint64_t;
  static Key key(MailboxId id) { return id.value << 2; }
  static Key key(AccountId id) { return id.value << 2 | 1; }
  static constexpr Key kQueue = 2;

  std::unique_ptr<Watch> add(Key key, std::function<void()> changed);
  void call(Key key);

  // A callback runs under the mutex, so that none runs after its Watch is gone.
  std::mutex mutex_;
  std::unordered_multimap<Key, Entry*> entries_;
};

}  // namespace everpost::cluster
