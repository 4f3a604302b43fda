// The handshake with each copy (D9): Probe -> ProbeReply -> Sync -> SyncDone, then the stream. An
// acknowledgement counts only for the handshake that it belongs to.
#include "cluster/replication/disk.h"
#include "cluster/replication/primary.h"

namespace everpost::cluster::replication {
namespace {

// A peer that gets stuck in the middle of the handshake starts over.
constexpr int kHandshakeTries = 10;

// The chain of this log at `lsn`, where it is known without reading.
std::optional<std::uint32_t> chain_at(const LogState& log, Lsn lsn) {
  if (lsn == log.end.lsn) return log.end.chain;
  if (lsn == Lsn{0}) return 0;
  if (const auto at = find_in_tail(log, lsn)) return log.tail[*at]->header.prev_crc;
  for (const EpochBegin& begin : log.table)
    if (begin.at.lsn == lsn) return begin.at.chain;
  return std::nullopt;
}

void needs_seed(Context& c, NodeId node, Peer& peer, std::string_view why, bool alarm) {
  peer.state = Peer::State::kNeedsSeed;
  c.note(why, node, alarm);
}

}  // namespace

void meet_replicas(Context& c) {
  State& state = c.state;
  auto& peers = state.primacy.peers;
  const auto wanted = [&](NodeId node) {
    return state.config->in_replicas(node) && node != state.self.copy.node;
  };
  std::erase_if(peers, [&](const auto& entry) { return !wanted(entry.first); });
  for (const NodeId node : state.config->replicas) {
    if (!wanted(node) || peers.contains(node)) continue;
    Peer& peer = peers[node];
    peer.heard = c.now.steady;
    meet_again(c, peer);
  }
}

void meet_again(Context& c, Peer& peer) {
  peer.state = Peer::State::kProbing;
  peer.sync_gen = ++c.state.primacy.sync_gen;
  peer.match = Lsn{0};
  peer.sent = c.now.steady - c.state.settings.probe_every;  // due at once
  peer.reading = false;
  peer.behind_since.reset();
  peer.suspect_since.reset();
  peer.stalled_since.reset();
  peer.round_sent = 0;
}

Peer* peer_of(Context& c, const Message& from, std::uint64_t sync_gen) {
  State& state = c.state;
  if (state.role != Role::kPrimary || from.epoch != state.meta.epoch ||
      from.lineage != state.meta.lineage)
    return nullptr;
  const auto found = state.primacy.peers.find(from.from.node);
  if (found == state.primacy.peers.end()) return nullptr;
  if (found->second.sync_gen != sync_gen) return nullptr;
  return &found->second;
}

void greet(Context& c, NodeId node, Peer& peer) {
  State& state = c.state;
  const Micros waited = c.now.steady - peer.sent;
  const Micros every = state.settings.probe_every;
  switch (peer.state) {
    case Peer::State::kProbing:
      if (waited < every || !state.primacy.begun) return;
      peer.sent = c.now.steady;
      c.send(node, Probe{peer.sync_gen, state.config_version});
      return;
    case Peer::State::kMatching:
    case Peer::State::kCutting:
      if (waited >= every * kHandshakeTries) meet_again(c, peer);
      return;
    case Peer::State::kNeedsSeed:
      // A copy that was made anew answers to a Probe.
      if (waited >= every * kHandshakeTries) meet_again(c, peer);
      return;
    case Peer::State::kStreaming:
      return;
  }
}

void on(Context& c, const Message& from, const ProbeReply& reply) {
  State& state = c.state;
  Peer* const peer = peer_of(c, from, reply.sync_gen);
  if (!peer || peer->state != Peer::State::kProbing) return;
  const NodeId node = from.from.node;
  if (peer->copy == from.from && peer->acked > reply.durable.lsn)
    c.note("came back with less than it had acknowledged", node, true);
  if (peer->copy != from.from) peer->acked = Lsn{0};
  peer->copy = from.from;
  peer->incarnation = from.incarnation;
  peer->heard = c.now.steady;
  peer->suspect = reply.suspect;
  peer->hole = reply.hole;
  peer->coordinator_up = reply.coordinator_up;
  if (reply.hole) return;  // it fetches what is missing, and is asked again
  const LogState& log = state.log;
  const auto meeting = divergence(log.table, log.end.lsn, reply.table, reply.durable.lsn);
  if (!meeting || *meeting < log.begin)
    return needs_seed(c, node, *peer, "has to be made anew: its log does not join this one", false);
  peer->replied = reply.durable;
  peer->sent = c.now.steady;
  peer->next.lsn = *meeting;
  if (const auto chain = chain_at(log, *meeting)) return cut_peer(c, node, *peer, *chain);
  peer->state = Peer::State::kMatching;
  peer->reading = true;
  c.emit(ReadLog{node, ReadPurpose::kMatch, *meeting, log.end.lsn, 1});
}

void cut_peer(Context& c, NodeId node, Peer& peer, std::uint32_t chain) {
  peer.next.chain = chain;
  if (peer.replied.lsn == peer.next.lsn && peer.replied.chain != chain)
    return needs_seed(c, node, peer, "holds other records than the primary at one LSN", true);
  peer.state = Peer::State::kCutting;
  c.send(node, Sync{peer.sync_gen, peer.next});
}

void on(Context& c, const Message& from, const SyncDone& done) {
  Peer* const peer = peer_of(c, from, done.sync_gen);
  if (!peer || peer->state != Peer::State::kCutting || peer->incarnation != from.incarnation)
    return;
  if (done.durable != peer->next.lsn) return;
  peer->state = Peer::State::kStreaming;
  peer->match = done.durable;
  peer->heard = c.now.steady;
  peer->sent = c.now.steady - c.state.settings.heartbeat;
  peer->seq = 0;
}

void on_lost_peer(Context& c, NodeId node) {
  const auto found = c.state.primacy.peers.find(node);
  if (found == c.state.primacy.peers.end()) return;
  Peer& peer = found->second;
  // Each Probe that finds nobody says so again: it is lost since the first time.
  if (!peer.lost || *peer.lost < peer.heard) {
    peer.lost = c.now.steady;
    c.state.primacy.look_again = c.now.steady + c.state.settings.gone_after;
  }
  if (peer.state != Peer::State::kProbing) meet_again(c, peer);
}

}  // namespace everpost::cluster::replication
