#include "storage/replica/pins.h"

#include <algorithm>

namespace everpost::storage {

std::shared_ptr<const void> Pins::hold(Lsn applied) {
  const std::scoped_lock lock(mutex_);
  const auto held = held_.insert(applied);
  return {&*held, [pins = shared_from_this(), held](const void*) {
            const std::scoped_lock release(pins->mutex_);
            pins->held_.erase(held);
          }};
}

Pins::Lease Pins::lease(Lsn applied, Lsn log_from, Micros until) {
  const std::scoped_lock lock(mutex_);
  leases_[++last_] = {applied, log_from, until};
  return last_;
}

bool Pins::extend(Lease lease, Micros until, Micros now) {
  const std::scoped_lock lock(mutex_);
  const auto found = leases_.find(lease);
  if (found == leases_.end() || found->second.until < now) return false;
  found->second.until = until;
  return true;
}

void Pins::end(Lease lease) {
  const std::scoped_lock lock(mutex_);
  leases_.erase(lease);
}

Pins::Oldest Pins::oldest(Micros now) {
  const std::scoped_lock lock(mutex_);
  std::erase_if(leases_, [now](const auto& entry) { return entry.second.until < now; });
  Oldest oldest;
  if (!held_.empty()) oldest.applied = *held_.begin();
  for (const auto& [id, leased] : leases_) {
    oldest.applied = std::min(oldest.applied.value_or(leased.applied), leased.applied);
    oldest.log_from = std::min(oldest.log_from.value_or(leased.log_from), leased.log_from);
  }
  return oldest;
}

}  // namespace everpost::storage
