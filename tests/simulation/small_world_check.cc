#include <fmt/format.h>

#include "tests/simulation/failure.h"
#include "tests/simulation/small_world_model.h"

namespace everpost::simulation {

using namespace small;
using Kind = Move::Kind;

// ---- what must be true

void World::check(const Replica& before, const Replica& after) {
  if (after.core && after.core->role == Role::kPrimary) {
    Incarnation& primary = primaries_.at(after.core->meta.epoch.value);
    const Incarnation self = after.core->self.incarnation;
    if (primary != Incarnation{} && primary != self)
      throw Failure("I1", fmt::format("epoch {} has two primaries", after.core->meta.epoch.value));
    primary = self;
  }
  const bool same = before.core && after.core && before.core->commit == after.core->commit;
  if (after.core && !same) commit_up_to(after);
  check_candidates();
}

// I4: what this copy holds for committed goes on from, or repeats, what was committed before.
void World::commit_up_to(const Replica& replica) {
  const Lsn commit = replica.core->commit;
  const auto differs = [&](Lsn lsn, const char* how) {
    throw Failure("I4", fmt::format("node {} at LSN {}: {}", replica.core->self.copy.node.value,
                                    lsn.value, how));
  };
  std::vector<LogRecordPtr> fresh;
  for (Lsn end = commit; end > Lsn{0};) {
    const LogRecordPtr record = replica.ending_at(end);
    if (!record) return differs(end, "no committed record ends there");
    const auto known = std::ranges::find(
        *committed_, end, [](const LogRecordPtr& other) { return other->header.end(); });
    if (known != committed_->end()) {
      if ((*known)->header.crc != record->header.crc) differs(end, "another one was committed");
      if (!fresh.empty() && std::next(known) != committed_->end())
        differs(end, "committed already, but not what follows here");
      break;
    }
    fresh.push_back(record);
    end = record->header.lsn;
  }
  if (fresh.empty()) return;
  if (fresh.back()->header.lsn == Lsn{0} && !committed_->empty())
    differs(Lsn{0}, "the committed records have nothing in common");
  std::vector<LogRecordPtr> longer = *committed_;
  longer.insert(longer.end(), fresh.rbegin(), fresh.rend());
  committed_ = std::make_shared<const std::vector<LogRecordPtr>>(std::move(longer));
}

// I3: whoever may take over without asking holds all that was ever committed.
void World::check_candidates() const {
  if (committed_->empty()) return;
  const std::size_t count = committed_->size();
  for (std::uint8_t i = 0; i < kReplicas; ++i) {
    const Replica& replica = *replicas_[i];
    if (replica.suspect() || !stored_->config.in_isr(copy_of(i))) continue;
    if (replica.durable < count ||
        replica.records[count - 1]->header.crc != committed_->back()->header.crc)
      throw Failure("I3", fmt::format("node {} is in the ISR, but does not hold all {} records "
                                      "that were committed",
                                      i + 1, count));
  }
}

}  // namespace everpost::simulation
