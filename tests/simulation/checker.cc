#include "tests/simulation/checker.h"

#include <fmt/format.h>

#include "cluster/replication/disk.h"
#include "tests/simulation/failure.h"

namespace everpost::simulation {
namespace {

// The record of a copy's log that ends at `end`: with the disk, or in memory still.
LogRecordPtr record_ending_at(const CopyView& copy, Lsn end) {
  const auto ends = [](const LogRecordPtr& record) { return record->header.end(); };
  const auto& disk = copy.disk->records();
  const auto on_disk = std::ranges::lower_bound(disk, end, {}, ends);
  if (on_disk != disk.end() && (*on_disk)->header.end() == end) return *on_disk;
  const auto& tail = copy.core->log.tail;
  const auto in_memory = std::ranges::lower_bound(tail, end, {}, ends);
  if (in_memory != tail.end() && (*in_memory)->header.end() == end) return *in_memory;
  return nullptr;
}

std::string at(NodeId node, Lsn lsn) {
  return fmt::format("node {} at LSN {}", node.value, lsn.value);
}

}  // namespace

const Checker::Entry* Checker::entry_ending_at(Lsn end) const {
  const auto found = std::ranges::lower_bound(oracle_, end, {}, &Entry::end);
  return found != oracle_.end() && found->end == end ? &*found : nullptr;
}
const Checker::Entry* Checker::entry_at(Lsn lsn) const {
  const auto found = std::ranges::lower_bound(oracle_, lsn, {}, &Entry::lsn);
  return found != oracle_.end() && found->lsn == lsn ? &*found : nullptr;
}

void Checker::stepped(const CopyView& copy) {
  const State& core = *copy.core;
  if (core.role == Role::kPrimary) {
    const std::pair self{copy.node, core.self.incarnation};
    const auto [known, fresh] = primaries_.try_emplace(core.meta.epoch, self);
    if (!fresh && known->second != self)
      throw Failure("I1",
                    fmt::format("epoch {} has two primaries, {} and {}", core.meta.epoch.value,
                                known->second.first.value, copy.node.value));
  }
  auto& [incarnation, commit] = seen_commit_[copy.node];
  if (incarnation == core.self.incarnation.value && commit == core.commit) return;
  incarnation = core.self.incarnation.value;
  commit = core.commit;
  if (core.commit == Lsn{0} || core.log.hole) return;
  // I4: the last record that this copy holds for committed is the last of the same prefix.
  const Lsn end = committed();
  const LogRecordPtr last = record_ending_at(copy, core.commit);
  if (!last)
    throw Failure("I4", at(copy.node, core.commit) + ": committed, but no record ends there");
  if (core.commit <= end) {
    const Entry* const entry = entry_ending_at(core.commit);
    if (!entry || entry->crc != last->header.crc)
      throw Failure("I4", at(copy.node, core.commit) + ": another record was committed there");
    return;
  }
  // Newly committed: all of it goes on from what was.
  std::vector<LogRecordPtr> fresh;
  Lsn from = core.commit;
  while (from > end) {
    const LogRecordPtr record = record_ending_at(copy, from);
    if (!record) throw Failure("I4", at(copy.node, from) + ": a committed record is missing");
    from = record->header.lsn;
    fresh.push_back(record);
  }
  const std::uint32_t chain = oracle_.empty() ? 0 : oracle_.back().crc;
  if (from != end || fresh.back()->header.prev_crc != chain)
    throw Failure("I4", at(copy.node, from) + ": does not go on from what was committed before");
  for (auto record = fresh.rbegin(); record != fresh.rend(); ++record)
    oracle_.push_back(
        {(*record)->header.lsn, (*record)->header.end(), (*record)->header.crc, *record});
}

void Checker::check_primary(const ShardConfig& config, const CopyView& copy) {
  const State& core = *copy.core;
  if (core.role != Role::kPrimary || config.primary != copy.node ||
      config.epoch != core.meta.epoch || config.lineage != core.meta.lineage)
    return;
  for (const CopyId& member : config.isr) {
    const bool asked = core.config->in_isr(member) ||
                       std::ranges::any_of(core.proposals, [&](const Proposal& proposal) {
                         return proposal.config.in_isr(member);
                       });
    if (!asked)
      throw Failure("I2", fmt::format("node {} leads and does not count on node {} of the ISR",
                                      copy.node.value, member.node.value));
  }
}

void Checker::acknowledges(const CopyView& copy, Lsn durable) {
  if (durable > copy.disk->durable_end().lsn)
    throw Failure("I11", at(copy.node, durable) + ": acknowledged, but not durable");
}

void Checker::check_candidates(const ShardConfig& config,
                               const std::vector<CopyView>& copies) const {
  if (oracle_.empty()) return;
  for (const CopyView& copy : copies) {
    if (copy.suspect || !config.in_isr(CopyId{copy.node, copy.disk->id()})) continue;
    if (copy.disk->is_damaged()) continue;
    const auto& records = copy.disk->records();
    const auto found = std::ranges::lower_bound(
        records, committed(), {}, [](const LogRecordPtr& record) { return record->header.end(); });
    const bool holds = found != records.end() && (*found)->header.end() == committed() &&
                       (*found)->header.crc == oracle_.back().crc &&
                       copy.disk->durable_end().lsn >= committed();
    if (!holds)
      throw Failure(
          "I3",
          fmt::format("node {} is in the ISR, but does not hold everything that was "
                      "committed: {}, of {}",
                      copy.node.value, copy.disk->durable_end().lsn.value, committed().value));
  }
}

void Checker::applied(NodeId node, Lsn lsn, const storage::StateDigest& digest) {
  if (lsn > committed()) throw Failure("I7", at(node, lsn) + ": applied, but not committed");
  const auto [known, fresh] = digests_.try_emplace(lsn, digest);
  if (!fresh && known->second != digest)
    throw Failure("P11", at(node, lsn) + ": another state than the other copies'");
}

void Checker::placed(const storage::AddedMessage& message, const Guid& guid) {
  const std::tuple name{message.mailbox, message.uid_validity, message.uid};
  const auto [known, fresh] = names_.try_emplace(name, guid);
  if (!fresh && known->second != guid)
    throw Failure("P5", fmt::format("UID {} of mailbox {} named two messages", message.uid.value,
                                    message.mailbox.value));
}

void Checker::answered(const OpId& op, Lsn lsn, Lsn end, Lsn applied, bool repeated,
                       Lsn shown_at_start) {
  if (applied < end) throw Failure("I14", "answered before it was applied");
  const Entry* const entry = entry_at(lsn);
  if (!entry) throw Failure("P1", fmt::format("LSN {} was answered, but not committed", lsn.value));
  const auto recorded = storage::decode_mail_op(as_bytes(entry->record->meta));
  if (!recorded || *recorded != op)
    throw Failure("P1",
                  fmt::format("at LSN {} is another operation than the one answered", lsn.value));
  // P2: it took effect after everything that had been shown before it began. (Of a repeated one it
  // was an earlier attempt that did.)
  if (!repeated && lsn < shown_at_start)
    throw Failure("P2", fmt::format("LSN {} is before the state at {} that had been shown",
                                    lsn.value, shown_at_start.value));
  shown_ = std::max(shown_, entry->end);
}

void Checker::read(Lsn applied, const storage::StateDigest& digest, Lsn shown_at_start) {
  if (applied > committed()) throw Failure("P7", "a read showed what was not committed");
  if (applied < shown_at_start)
    throw Failure("P2", fmt::format("a read showed the state at LSN {}, after that at {} had been "
                                    "shown",
                                    applied.value, shown_at_start.value));
  const auto known = digests_.find(applied);
  if (known != digests_.end() && known->second != digest)
    throw Failure("P7", "a read showed a state that never was");
  shown_ = std::max(shown_, applied);
}

void Checker::check_end(const std::vector<const MailState*>& states,
                        const std::map<Guid, std::size_t>& wanted) {
  for (const MailState* state : states)
    if (state->digest() != states.front()->digest() || state->applied() != committed())
      throw Failure("P11", fmt::format("the copies do not come together: applied {} of {}",
                                       state->applied().value, committed().value));
  // P4. Each message that was acknowledged is there as often as it was put there.
  std::map<Guid, std::size_t> found;
  const auto reader = states.front()->reader();
  for (std::uint64_t account = 1; account <= 2; ++account) {
    const auto mailboxes = reader->mailboxes(AccountId{account});
    if (!mailboxes) continue;
    for (const storage::MailboxInfo& mailbox : *mailboxes) {
      const auto uids = reader->uids(mailbox.id);
      if (!uids || uids->empty()) continue;
      storage::UidSet all;
      for (const Uid uid : *uids) all.add(uid);
      for (const auto& message : *reader->messages(mailbox.id, all, uids->size())) {
        ++found[message.guid];
        placed({std::nullopt, mailbox.id, mailbox.uid_validity, message.uid, message.modseq},
               message.guid);
      }
    }
  }
  for (const auto& [guid, count] : wanted)
    if (found[guid] != count)
      throw Failure("P4", fmt::format("message {} is there {} times, not {}",
                                      everpost::to_string(guid), found[guid], count));
}

}  // namespace everpost::simulation
