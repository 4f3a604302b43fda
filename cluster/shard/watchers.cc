#include "cluster/shard/watchers.h"

namespace everpost::cluster {

class Watchers::Entry : public Watch {
 public:
  Entry(std::shared_ptr<Watchers> home, Key key, std::function<void()> changed)
      : home_(std::move(home)), key_(key), changed_(std::move(changed)) {}
  ~Entry() override {
    const std::scoped_lock lock(home_->mutex_);
    const auto [from, to] = home_->entries_.equal_range(key_);
    for (auto at = from; at != to; ++at) {
      if (at->second != this) continue;
      home_->entries_.erase(at);
      return;
    }
  }
  void call() { changed_(); }

 private:
  std::shared_ptr<Watchers> home_;
  const Key key_;
  const std::function<void()> changed_;
};

std::unique_ptr<Watch> Watchers::add(Key key, std::function<void()> changed) {
  auto entry = std::make_unique<Entry>(shared_from_this(), key, std::move(changed));
  const std::scoped_lock lock(mutex_);
  entries_.emplace(key, entry.get());
  return entry;
}

std::unique_ptr<Watch> Watchers::watch(MailboxId mailbox, std::function<void()> changed) {
  return add(key(mailbox), std::move(changed));
}
std::unique_ptr<Watch> Watchers::watch(AccountId account, std::function<void()> changed) {
  return add(key(account), std::move(changed));
}
std::unique_ptr<Watch> Watchers::watch_queue(std::function<void()> changed) {
  return add(kQueue, std::move(changed));
}

void Watchers::call(Key key) {
  const auto [from, to] = entries_.equal_range(key);
  for (auto at = from; at != to; ++at) at->second->call();
}

void Watchers::notify(std::span<const MailboxId> mailboxes, std::span<const AccountId> accounts,
                      bool queue) {
  const std::scoped_lock lock(mutex_);
  if (entries_.empty()) return;
  for (const MailboxId id : mailboxes) call(key(id));
  for (const AccountId id : accounts) call(key(id));
  if (queue) call(kQueue);
}

}  // namespace everpost::cluster
