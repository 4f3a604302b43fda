#include "cluster/replication/backup.h"

#include "cluster/replication/candidate.h"
#include "cluster/replication/configuration.h"
#include "cluster/replication/disk.h"
#include "cluster/replication/primary.h"

namespace everpost::cluster::replication {
namespace {

void nack(Context& c, const Message& to, Nack::Reason reason, std::uint64_t sync_gen) {
  c.send(to.from.node, Nack{reason, sync_gen, c.state.meta.fence_version});
}

// Whether a message of a primary is to be heard at all. Its epoch is this copy's or a higher one.
bool admits(Context& c, const Message& from, std::uint64_t sync_gen) {
  State& state = c.state;
  if (state.role == Role::kStarting || from.lineage != state.meta.lineage) return false;
  if (from.epoch < state.meta.epoch) {
    nack(c, from, Nack::Reason::kStaleEpoch, sync_gen);
    return false;
  }
  if (is_fenced(state, from.epoch)) {
    nack(c, from, Nack::Reason::kFenced, sync_gen);
    return false;
  }
  if (from.epoch > state.meta.epoch) return true;
  // From the moment of its compare-and-set on a candidate is deaf for the epoch that it ends.
  if (state.role == Role::kCandidate && state.candidacy.phase == Candidacy::Phase::kCas)
    return false;
  if (state.role != Role::kPrimary) return true;
  c.note("two primaries of one epoch", from.from.node, true);
  return false;
}

// The primary lives: nothing to take over.
void hear(Context& c) {
  State& state = c.state;
  state.following.heard = c.now.steady;
  state.following.lost = state.following.stepped_down = false;
  if (state.role == Role::kCandidate) take_member_role(c);
}

void answer_probe(Context& c) {
  State& state = c.state;
  Following& following = state.following;
  if (!following.unanswered || !log_is_quiet(state.log)) return;
  if (state.saved.epoch < state.meta.epoch) return;
  EpochTable table = state.log.table;
  if (table.size() > kEpochTableMax)
    table.erase(table.begin(), table.end() - static_cast<std::ptrdiff_t>(kEpochTableMax));
  c.send(
      following.primary->node,
      ProbeReply{following.unanswered->sync_gen, std::move(table), state.log.durable, state.commit,
                 state.meta.suspect, state.log.hole || state.seeding, state.coordinator_up});
  following.unanswered.reset();
  following.awaits_sync = true;
}

// D7: this copy holds again all that it may have lost, and the one that said so was the primary
// even after that, which a write to the coordinator proves. A primary that had been deposed could
// prove nothing.
void end_suspicion_of_self(Context& c) {
  State& state = c.state;
  Following& following = state.following;
  if (!state.meta.suspect || !following.synced || following.verifying) return;
  if (following.reign_begins == Lsn{0} ||
      state.log.durable.lsn < std::max(following.primary_commit, following.reign_begins))
    return;
  if (planted(Bug::kZombieClearsSuspect)) {
    state.meta.suspect = false;
    return;
  }
  if (!state.config || state.config->epoch != state.meta.epoch || !state.coordinator_up ||
      c.now.steady < following.verify_not_before)
    return;
  following.verifying = ++state.verifications;
  c.emit(VerifyConfig{*following.verifying, state.config_version});
}

// Whether `records` go on from the log's end and are of the primary's history. They come from
// outside: whatever is wrong with them is answered, not asserted.
bool fit(const State& state, Epoch epoch, const std::vector<LogRecordPtr>& records) {
  LogEnd at = state.log.end;
  Epoch last = state.log.epoch();
  for (const LogRecordPtr& record : records) {
    const storage::RecordHeader& header = record->header;
    if (header.lsn != at.lsn || header.prev_crc != at.chain) return false;
    if (header.epoch < last || header.epoch > epoch) return false;
    at = end_of(*record);
    last = header.epoch;
  }
  return true;
}

}  // namespace

void acknowledge(Context& c) {
  State& state = c.state;
  Following& following = state.following;
  const LogEnd& durable = planted(Bug::kAckBeforeSync) ? state.log.end : state.log.durable;
  following.acked = durable.lsn;
  c.send(following.primary->node,
         Ack{following.sync_gen, durable.lsn, state.applied, following.round, state.disk_low,
             state.meta.suspect, state.coordinator_up});
}

void on(Context& c, const Message& from, const Probe& probe) {
  State& state = c.state;
  // Who has seen a configuration newer than the fence's has proved that the candidate whom the
  // promise was given to can no longer take over at that version.
  if (from.lineage == state.meta.lineage && probe.config_version > state.meta.fence_version)
    state.meta.fence_version = 0;
  if (!admits(c, from, probe.sync_gen)) return;
  if (from.epoch > state.meta.epoch) {
    if (state.role == Role::kPrimary) step_down(c, "a newer primary has shown up");
    adopt_epoch(c, from.epoch);
    take_member_role(c);
  }
  Following& following = state.following;
  if (following.primary == from.from && following.primary_incarnation == from.incarnation &&
      probe.sync_gen < following.sync_gen)
    return;  // overtaken by a later one
  hear(c);
  if (probe.config_version > state.meta.config_version && state.coordinator_up)
    c.emit(ReadConfig{});
  following.primary = from.from;
  following.primary_incarnation = from.incarnation;
  following.sync_gen = probe.sync_gen;
  following.synced = following.awaits_sync = false;
  following.cutting.reset();
  following.seq = 0;
  following.unanswered = probe;
  drop_unwritten(c);
}

void on(Context& c, const Message& from, const Sync& sync) {
  State& state = c.state;
  Following& following = state.following;
  if (!admits(c, from, sync.sync_gen)) return;
  if (from.epoch != state.meta.epoch || sync.sync_gen != following.sync_gen ||
      !following.awaits_sync || state.log.truncating || !log_is_quiet(state.log))
    return;
  hear(c);
  if (sync.cut.lsn > state.log.end.lsn)
    return nack(c, from, Nack::Reason::kNeedProbe, sync.sync_gen);
  if (sync.cut.lsn < state.commit) {
    // I5. What is committed is never cut: one of the two logs is not what it should be.
    c.note("was to cut records that are committed", from.from.node, true);
    return c.fail(Fail::Why::kForked);
  }
  // A duplicate that comes later must not cut what was appended since (simulation seed 2074470).
  following.awaits_sync = false;
  following.cutting = sync;
  if (sync.cut.lsn == state.log.end.lsn)
    return finish_cut(c, sync.cut.chain == state.log.end.chain);
  state.log.truncating = sync.cut;
  c.emit(Truncate{sync.cut});
}

void finish_cut(Context& c, bool same_chain) {
  State& state = c.state;
  Following& following = state.following;
  if (!following.cutting) return;
  const Sync sync = *std::exchange(following.cutting, std::nullopt);
  if (!same_chain) {
    c.note("this copy and the primary hold different records at one LSN", following.primary->node,
           true);
    c.send(following.primary->node, Nack{Nack::Reason::kForked, sync.sync_gen, 0});
    return;
  }
  following.synced = true;
  following.acked = state.log.durable.lsn;
  c.send(following.primary->node, SyncDone{sync.sync_gen, state.log.durable.lsn});
}

void on(Context& c, const Message& from, const Append& append) {
  State& state = c.state;
  Following& following = state.following;
  if (planted(Bug::kConfirmAnyEpoch) && from.epoch < state.meta.epoch)
    c.send(from.from.node, Ack{append.sync_gen, Lsn{0}, Lsn{0}, append.round});
  if (!admits(c, from, append.sync_gen)) return;
  if (from.epoch != state.meta.epoch || append.sync_gen != following.sync_gen ||
      from.incarnation != following.primary_incarnation)
    return nack(c, from, Nack::Reason::kNeedProbe, append.sync_gen);
  hear(c);
  if (!following.synced) {
    if (!following.unanswered && !following.cutting)
      nack(c, from, Nack::Reason::kNeedProbe, append.sync_gen);
    return;
  }
  if (append.seq <= following.seq) return;  // a duplicate
  // A heartbeat tells of lost records, too.
  if (append.prev != state.log.end || !fit(state, from.epoch, append.records) ||
      state.log.end.lsn - state.log.written.lsn > state.settings.unwritten_bytes) {
    following.synced = false;
    return nack(c, from, Nack::Reason::kNeedProbe, append.sync_gen);
  }
  for (const LogRecordPtr& record : append.records) append_to_log(c, record);
  following.seq = append.seq;
  following.primary_commit = std::max(following.primary_commit, append.commit);
  following.reign_begins = append.reign_begins;
  const bool confirm = append.round > following.round;
  following.round = std::max(following.round, append.round);
  // Records are acknowledged when they are durable; everything else at once.
  if (append.records.empty() || confirm || planted(Bug::kAckBeforeSync)) acknowledge(c);
}

void on(Context& c, const Seeding& event) {
  State& state = c.state;
  const bool may = state.role == Role::kLearner || (state.role == Role::kBackup && !state.config);
  state.seeding = event.on && may;
  // The next record is refused; to the Probe that follows this copy says that it cannot follow.
  if (!state.seeding) return;
  Following& following = state.following;
  following.synced = following.awaits_sync = false;
  following.cutting.reset();
}

void on(Context& c, const Message& from, const StepDown&) {
  State& state = c.state;
  Following& following = state.following;
  if (from.epoch != state.meta.epoch || state.role == Role::kPrimary) return;
  if (following.primary && *following.primary != from.from) return;
  following.lost = following.stepped_down = true;
}

void continue_following(Context& c) {
  State& state = c.state;
  if (state.role != Role::kBackup && state.role != Role::kLearner) return;
  Following& following = state.following;
  // No further than what is durable here: the rest of the log may still be dropped.
  if (following.synced)
    state.commit =
        std::max(state.commit, std::min(following.primary_commit, state.log.durable.lsn));
  answer_probe(c);
  const bool fenced = is_fenced(state, state.meta.epoch);
  if (following.synced && !fenced && state.log.durable.lsn > following.acked) acknowledge(c);
  end_suspicion_of_self(c);
  if (state.role == Role::kBackup &&
      (following.lost || c.now.steady - following.heard >= state.settings.suspect_after))
    suspect_primary(c);
}

}  // namespace everpost::cluster::replication
