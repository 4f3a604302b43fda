#include "tests/simulation/state_hash.h"

#include <cstring>

namespace everpost::simulation {

struct PayloadHash {
  Hash& h;
  void operator()(const Probe& m) const { h.add(m); }
  void operator()(const ProbeReply& m) const {
    h.add(m.sync_gen).add(m.table).add(m.durable).add(m.commit);
    h.add(m.suspect).add(m.hole).add(m.coordinator_up);
  }
  void operator()(const Sync& m) const { h.add(m); }
  void operator()(const SyncDone& m) const { h.add(m.sync_gen).add(m.durable); }
  void operator()(const Append& m) const {
    h.add(m.sync_gen).add(m.seq).add(m.prev).add(m.commit).add(m.reign_begins).add(m.round);
    h.add(m.records);
  }
  void operator()(const Ack& m) const {
    // Nothing is decided by `applied`.
    h.add(m.sync_gen).add(m.durable).add(m.round);
    h.add(m.disk_low).add(m.suspect).add(m.coordinator_up);
  }
  void operator()(const Nack& m) const { h.add(m.reason).add(m.sync_gen).add(m.config_version); }
  void operator()(const PreVote& m) const {
    h.add(m.ballot).add(m.next_epoch).add(m.config_version);
  }
  void operator()(const PreVoteReply& m) const { h.add(m); }
  void operator()(const FencePoll& m) const { h.add(m.config_version).add(m.next_epoch); }
  void operator()(const FenceReport& m) const { h.add(m); }
  void operator()(const StepDown&) const {}
  void operator()(const TransferGo& m) const { h.add(m.end); }
  void operator()(const FetchRange& m) const { h.add(m.from).add(m.to); }
  void operator()(const Range& m) const { h.add(m.from).add(m.records); }
};

Hash& Hash::add(const Uuid& id) {
  std::uint64_t words[2];
  static_assert(sizeof words == sizeof id);
  std::memcpy(words, id.data(), sizeof words);
  return add(words[0]).add(words[1]);
}

Hash& Hash::add(const Nonce& nonce) {
  return add(nonce.node).add(nonce.incarnation).add(nonce.counter);
}

Hash& Hash::add(const ShardConfig& config) {
  add(config.lineage).add(config.epoch).add(config.primary).add(config.isr).add(config.replicas);
  return add(config.min_isr).add(config.accept_loss).add(config.nonce);
}

Hash& Hash::add(const Meta& meta) {
  add(meta.lineage).add(meta.epoch).add(meta.config_version);
  return add(meta.fence_version).add(meta.fence_epoch).add(meta.suspect);
}

Hash& Hash::add(const Message& message) {
  add(message.from).add(message.incarnation).add(message.lineage).add(message.epoch);
  add(message.payload.index());
  std::visit(PayloadHash{*this}, message.payload);
  return *this;
}

Hash& Hash::add(const PreVoteReply& m) {
  return add(m.ballot)
      .add(m.primary_age)
      .add(m.last_epoch)
      .add(m.durable)
      .add(m.suspect)
      .add(m.hole);
}
Hash& Hash::add(const FenceReport& m) {
  return add(m.config_version).add(m.last_epoch).add(m.durable);
}

// Nothing is decided by `acked` and `applied`, which are for people.
Hash& Hash::add(const Peer& peer) {
  add(peer.state).add(peer.copy).add(peer.incarnation).add(peer.sync_gen).add(peer.seq);
  add(peer.next).add(peer.match).add(peer.replied);
  add(peer.reading)
      .add(peer.round)
      .add(peer.round_sent)
      .add(peer.heard)
      .add(peer.lost)
      .add(peer.sent);
  add(peer.behind_since)
      .add(peer.suspect_since)
      .add(peer.stalled_since)
      .add(peer.suspect)
      .add(peer.hole)
      .add(peer.disk_low);
  return add(peer.coordinator_up);
}

Hash& Hash::add(const Readmission& readmission) {
  return add(readmission.not_before).add(readmission.backoff).add(readmission.dropped);
}

Hash& Hash::add(const Proposal& proposal) {
  add(proposal.nonce).add(proposal.config).add(proposal.version).add(proposal.kind);
  return add(proposal.sent).add(proposal.unknown);
}

Hash& Hash::add(const Following& f) {
  add(f.primary).add(f.primary_incarnation).add(f.sync_gen).add(f.synced).add(f.unanswered);
  add(f.cutting).add(f.seq).add(f.round).add(f.reign_begins).add(f.primary_commit).add(f.heard);
  add(f.lost).add(f.stepped_down).add(f.verifying).add(f.verify_not_before);
  return add(f.acked);
}

Hash& Hash::add(const Candidacy& c) {
  add(c.phase).add(c.since).add(c.wake).add(c.ballot).add(c.replies).add(c.waited_for_longer);
  return add(c.transferred).add(c.fence_version).add(c.reports);
}

// Without reads and what is parked: an explorer asks for neither.
Hash& Hash::add(const Primacy& p) {
  add(p.begun).add(p.open).add(p.reign_begins).add(p.peers).add(p.readmissions).add(p.sync_gen);
  add(p.round).add(p.round_running).add(p.round_commit);
  add(p.transfer.has_value());
  if (p.transfer) add(p.transfer->target).add(p.transfer->until).add(p.transfer->sent);
  return add(p.touch);
}

Hash& Hash::add(const State& state) {
  add(state.self.copy).add(state.self.incarnation).add(state.role);
  add(state.meta).add(state.saved).add(state.saving);
  add(state.config).add(state.config_version).add(state.proposals).add(state.nonce_counter);
  add(state.coordinator_up).add(state.coordinator_changed).add(state.config_read);
  add(state.verifications).add(state.verifying_regression);
  const LogState& log = state.log;
  add(log.begin).add(log.end).add(log.written).add(log.durable).add(log.persisting);
  add(log.truncating).add(log.table).add(log.last_time).add(log.tail.size());
  add(log.hole.has_value());
  if (log.hole) add(log.hole->from).add(log.hole->to);
  add(state.commit).add(state.commit_told).add(state.applied).add(state.disk_low);
  add(state.following).add(state.candidacy).add(state.primacy);
  add(state.duel_backoff)
      .add(state.duel_not_before)
      .add(state.fetched)
      .add(state.mending)
      .add(state.seeding);
  return add(state.fence_asked).add(state.ballots).add(state.stopping);
}

}  // namespace everpost::simulation
