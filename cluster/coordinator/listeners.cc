#include "cluster/coordinator/listeners.h"

namespace everpost::cluster {

class Listeners::Registered : public Coordinator::Watch {
 public:
  Registered(std::shared_ptr<Shared> shared, std::shared_ptr<Entry> entry)
      : shared_(std::move(shared)), entry_(std::move(entry)) {}
  ~Registered() override {
    {
      const std::scoped_lock lock(shared_->mutex);
      shared_->entries.erase(entry_.get());
    }
    const std::scoped_lock lock(entry_->mutex);
    entry_->ended = true;
  }

 private:
  const std::shared_ptr<Shared> shared_;
  const std::shared_ptr<Entry> entry_;
};

std::unique_ptr<Coordinator::Watch> Listeners::add(ShardId shard, Coordinator::Listener listener) {
  auto entry = std::make_shared<Entry>();
  entry->shard = shard;
  entry->listener = std::move(listener);
  const std::scoped_lock lock(shared_->mutex);
  shared_->entries.emplace(entry.get(), entry);
  return std::make_unique<Registered>(shared_, std::move(entry));
}

Listeners::Entries Listeners::all() const {
  const std::scoped_lock lock(shared_->mutex);
  return shared_->entries;
}

void Listeners::changed(ShardId shard) const {
  for (const auto& [at, entry] : all()) {
    if (entry->shard != shard) continue;
    const std::scoped_lock lock(entry->mutex);
    if (!entry->ended && entry->listener.changed) entry->listener.changed();
  }
}

void Listeners::all_changed() const {
  for (const auto& [at, entry] : all()) {
    const std::scoped_lock lock(entry->mutex);
    if (!entry->ended && entry->listener.changed) entry->listener.changed();
  }
}

void Listeners::tell_reachable() const {
  for (const auto& [at, entry] : all()) {
    const std::scoped_lock lock(entry->mutex);
    // Read under the lock: of two threads that tell, the later one has the later state.
    const bool up = shared_->up;
    if (entry->ended || entry->told == up) continue;
    entry->told = up;
    if (entry->listener.reachable) entry->listener.reachable(up);
  }
}

}  // namespace everpost::cluster
