// Handing a shard over on purpose: for an upgrade, to the preferred node, or because this node has
// lost the coordinator while another has not (H10). New changes wait meanwhile.
#include "cluster/replication/primary.h"

namespace everpost::cluster::replication {
namespace {

bool may_receive(const State& state, NodeId node) {
  const auto found = state.primacy.peers.find(node);
  if (found == state.primacy.peers.end()) return false;
  const Peer& peer = found->second;
  return peer.state == Peer::State::kStreaming && peer.copy && state.config->in_isr(*peer.copy) &&
         !peer.suspect && peer.coordinator_up;
}

void start(Context& c, NodeId target) {
  State& state = c.state;
  state.primacy.transfer =
      Primacy::Transfer{target, c.now.steady + state.settings.transfer_time, false};
}

}  // namespace

void on(Context& c, const TransferTo& order) {
  State& state = c.state;
  if (state.role != Role::kPrimary || !state.primacy.open || state.primacy.transfer) return;
  if (!may_receive(state, order.target))
    return c.note("cannot take this shard over: not in sync", order.target);
  start(c, order.target);
}

void continue_transfer(Context& c) {
  State& state = c.state;
  Primacy& primacy = state.primacy;
  const Settings& settings = state.settings;
  if (!primacy.open) return;
  const Micros away = c.now.steady - state.coordinator_changed;
  if (!primacy.transfer && !state.coordinator_up && away > settings.coordinator_lost) {
    for (const auto& [node, peer] : primacy.peers)
      if (!primacy.transfer && may_receive(state, node)) start(c, node);
    state.coordinator_changed = c.now.steady;  // tries again after the same time
  }
  if (!primacy.transfer) return;
  if (c.now.steady >= primacy.transfer->until) {
    // Nothing came of it; this copy never stopped being primary.
    primacy.transfer.reset();
    return admit_parked(c);
  }
  const auto found = primacy.peers.find(primacy.transfer->target);
  if (primacy.transfer->sent || found == primacy.peers.end()) return;
  const LogState& log = state.log;
  if (log.durable != log.end || found->second.match != log.end.lsn) return;
  primacy.transfer->sent = true;
  primacy.transfer->until = c.now.steady + settings.transfer_time;
  c.send(primacy.transfer->target, TransferGo{log.end.lsn});
}

}  // namespace everpost::cluster::replication
