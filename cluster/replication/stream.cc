// Records to each copy, at the same time as to the own disk, and what the copies say to them.
#include "cluster/replication/configuration.h"
#include "cluster/replication/disk.h"
#include "cluster/replication/primary.h"

namespace everpost::cluster::replication {
namespace {

void send_frame(Context& c, NodeId node, Peer& peer, std::vector<LogRecordPtr> records) {
  const State& state = c.state;
  Append frame{peer.sync_gen,       ++peer.seq, peer.next, state.commit, state.primacy.reign_begins,
               state.primacy.round, {}};
  if (!records.empty()) peer.next = end_of(*records.back());
  frame.records = std::move(records);
  peer.sent = c.now.steady;
  peer.round_sent = state.primacy.round;
  c.send(node, std::move(frame));
}

}  // namespace

void stream(Context& c, NodeId node, Peer& peer) {
  State& state = c.state;
  const LogState& log = state.log;
  const Settings& settings = state.settings;
  while (!peer.reading && peer.next.lsn < log.end.lsn &&
         peer.next.lsn - peer.match < settings.window_bytes) {
    auto at = find_in_tail(log, peer.next.lsn);
    if (!at) {
      // With the disk, not yet on it: it cannot be read back so far.
      if (peer.next.lsn >= log.durable.lsn) break;
      peer.reading = true;
      c.emit(ReadLog{node, ReadPurpose::kStream, peer.next.lsn, log.durable.lsn,
                     settings.frame_bytes});
      break;
    }
    std::vector<LogRecordPtr> records;
    std::uint64_t bytes = 0;
    for (; *at < log.tail.size(); ++*at) {
      const storage::RecordHeader& header = log.tail[*at]->header;
      bytes += header.end() - header.lsn;
      if (!records.empty() && bytes > settings.frame_bytes) break;
      records.push_back(log.tail[*at]);
    }
    send_frame(c, node, peer, std::move(records));
  }
  // An empty frame is a heartbeat, and asks to confirm a round of reads.
  const bool silent = c.now.steady - peer.sent >= settings.heartbeat;
  if (silent || peer.round_sent < state.primacy.round) send_frame(c, node, peer, {});
}

void on(Context& c, const LogWasRead& event) {
  State& state = c.state;
  if (event.purpose == ReadPurpose::kRange) {
    if (!event.records.empty()) c.send(event.peer, Range{event.from, event.records});
    return;
  }
  if (state.role != Role::kPrimary) return;
  const auto found = state.primacy.peers.find(event.peer);
  if (found == state.primacy.peers.end()) return;
  Peer& peer = found->second;
  if (!peer.reading || peer.next.lsn != event.from) return;
  peer.reading = false;
  if (event.records.empty() || event.records.front()->header.lsn != event.from) {
    // Asked again after a while; meanwhile it counts as one that does not follow.
    peer.state = Peer::State::kNeedsSeed;
    peer.sent = c.now.steady;
    return c.note("a part of the log that it needs cannot be read here", event.peer, true);
  }
  if (event.purpose == ReadPurpose::kMatch && peer.state == Peer::State::kMatching)
    cut_peer(c, event.peer, peer, event.records.front()->header.prev_crc);
  if (event.purpose == ReadPurpose::kStream && peer.state == Peer::State::kStreaming)
    send_frame(c, event.peer, peer, event.records);
}

void on(Context& c, const Message& from, const Ack& ack) {
  State& state = c.state;
  Peer* const peer = peer_of(c, from, ack.sync_gen);
  if (planted(Bug::kCountAnyAck) && state.role == Role::kPrimary &&
      state.primacy.peers.contains(from.from.node)) {
    Peer& any = state.primacy.peers[from.from.node];
    any.match = std::max(any.match, std::min(ack.durable, state.log.end.lsn));
    any.copy = from.from;
  }
  if (planted(Bug::kConfirmAnyEpoch) && state.role == Role::kPrimary &&
      state.primacy.peers.contains(from.from.node)) {
    Peer& any = state.primacy.peers[from.from.node];
    any.round = std::max(any.round, ack.round);
  }
  const bool counts = peer && peer->incarnation == from.incarnation && peer->copy == from.from &&
                      peer->state == Peer::State::kStreaming;
  if (!counts) return;
  peer->heard = c.now.steady;
  const Lsn match = std::max(peer->match, std::min(ack.durable, state.log.end.lsn));
  const bool advances = match > peer->match;
  peer->match = match;
  peer->acked = std::max(peer->acked, peer->match);
  peer->applied = ack.applied;
  peer->round = std::max(peer->round, ack.round);
  peer->suspect = ack.suspect;
  peer->disk_low = ack.disk_low;
  peer->coordinator_up = ack.coordinator_up;
  if (!ack.suspect)
    peer->suspect_since.reset();
  else if (!peer->suspect_since)
    peer->suspect_since = c.now.steady;
  // How far behind, and since when.
  if (peer->match >= state.log.durable.lsn)
    peer->stalled_since.reset();
  else if (advances || !peer->stalled_since)
    peer->stalled_since = c.now.steady;
  const bool lags = state.log.end.lsn - peer->match > state.settings.lag_bytes;
  if (!lags)
    peer->behind_since.reset();
  else if (!peer->behind_since)
    peer->behind_since = c.now.steady;
}

void on(Context& c, const Message& from, const Nack& nack) {
  State& state = c.state;
  if (from.epoch > state.meta.epoch && from.lineage == state.meta.lineage) {
    // Whoever says so has seen it at the coordinator, or its primary.
    if (state.role == Role::kPrimary) step_down(c, "a newer epoch exists");
    adopt_epoch(c, from.epoch);
    take_member_role(c);
    if (state.coordinator_up) c.emit(ReadConfig{});
    return;
  }
  Peer* const peer = peer_of(c, from, nack.sync_gen);
  if (!peer) return;
  switch (nack.reason) {
    case Nack::Reason::kStaleEpoch:
      return;
    case Nack::Reason::kFenced:
      if (nack.config_version >= state.config_version) state.primacy.touch = nack.config_version;
      if (peer->state == Peer::State::kStreaming) meet_again(c, *peer);
      return;
    case Nack::Reason::kNeedProbe:
      if (peer->state != Peer::State::kProbing) meet_again(c, *peer);
      return;
    case Nack::Reason::kForked:
    case Nack::Reason::kUnsupported:
      peer->state = Peer::State::kNeedsSeed;
      peer->sent = c.now.steady;
      c.note(nack.reason == Nack::Reason::kForked ? "holds other records than the primary"
                                                  : "does not know a record of this log",
             from.from.node, true);
      return;
  }
}

}  // namespace everpost::cluster::replication
