#include "cluster/shard/chronicle.h"

#include <algorithm>

namespace everpost::cluster {
namespace {

using namespace replication;

std::string node_text(NodeId node) { return "node " + to_string(node); }

std::string nodes_text(const std::vector<CopyId>& copies) {
  std::string text;
  for (const CopyId& copy : copies) text += (text.empty() ? "" : ",") + to_string(copy.node);
  return text.empty() ? "none" : text;
}

std::string milliseconds(Micros time) {
  return std::to_string(std::chrono::duration_cast<std::chrono::milliseconds>(time).count()) +
         " ms";
}

// The one that a copy has followed, or would have.
std::string primary_text(const State& core) {
  if (core.following.primary) return node_text(core.following.primary->node);
  if (core.config && core.config->primary != NodeId{0}) return node_text(core.config->primary);
  return "nobody";
}

std::string why_candidate(const State& core, Micros now) {
  const Following& following = core.following;
  const std::string primary = primary_text(core);
  if (core.candidacy.transferred) return primary + " hands the shard over on purpose";
  if (following.stepped_down) return primary + " said that it leads no longer";
  if (core.config && core.config->primary == NodeId{0}) return "nobody leads the shard";
  if (core.config && core.config->primary == core.self.copy.node)
    return "it led before its restart, and a new epoch has to begin";
  if (following.lost) return "the connection to " + primary + ", which led, broke";
  return "nothing was heard of " + primary + ", which led, for " +
         milliseconds(now - following.heard);
}

std::string polled_text(const State& core) {
  std::string text;
  for (const auto& [copy, reply] : core.candidacy.replies) {
    text += (text.empty() ? "" : ", ") + node_text(copy.node);
    if (reply.primary_age && *reply.primary_age < core.settings.suspect_after)
      text += " (hears the primary)";
    if (reply.suspect) text += " (not sure of its own records)";
  }
  return text.empty() ? "no other copy answered" : "answered: " + text;
}

std::string_view to_text(Peer::State state) {
  switch (state) {
    case Peer::State::kStreaming:
      return "the copy follows";
    case Peer::State::kNeedsSeed:
      return "the copy has to be made anew";
    default:
      return "the copy does not follow";
  }
}

}  // namespace

void Chronicle::note(log::Level level, std::string_view what, std::string_view why, NodeId peer) {
  ++counts_.events;
  const bool alarm = level >= log::Level::kWarning;
  const std::string_view about = peer != NodeId{0} ? "node" : "epoch";
  const std::uint32_t number = peer != NodeId{0} ? peer.value : epoch_.value;
  if (why.empty())
    log::write(level, what, {{"shard", shard_}, {about, number}});
  else
    log::write(level, what, {{"shard", shard_}, {about, number}, {"why", why}});
  if (!journal_) return;
  std::string text(what);
  if (peer != NodeId{0}) text += " (" + node_text(peer) + ")";
  journal_->add(shard_, {system_clock().wall(), epoch_, alarm, std::move(text), std::string(why)});
}

void Chronicle::look(const State& core, const Event& event, Micros now) {
  epoch_ = core.meta.epoch;
  look_at_event(core, event);
  if (core.config_version != version_) look_at_configuration(core);
  // A handing-over ends with the role.
  if (transfer_ || core.primacy.transfer) look_at_transfer(core);
  if (core.role != role_) look_at_role(core, now);
  if (core.role == Role::kCandidate) look_at_candidacy(core);
  if (core.role == Role::kPrimary) look_at_peers(core);
  if (core.meta.suspect != suspect_) {
    suspect_ = core.meta.suspect;
    note(suspect_ ? log::Level::kWarning : log::Level::kInfo,
         suspect_ ? "not sure of its own records" : "sure of its own records again",
         suspect_ ? "what it had acknowledged may be lost: it does not take over alone" : "");
  }
  if (core.log.hole.has_value() != hole_) {
    hole_ = core.log.hole.has_value();
    if (hole_)
      note(log::Level::kWarning, "a part of the log is damaged",
           "at LSN " + to_string(core.log.hole->from.lsn) + ": fetched from another copy");
  }
}

void Chronicle::look_at_event(const State& core, const Event& event) {
  if (std::holds_alternative<Started>(event)) {
    note(log::Level::kInfo, "copy started",
         "log to LSN " + to_string(core.log.end.lsn) + ", committed to " + to_string(core.commit) +
             ", applied to " + to_string(core.applied));
  } else if (const auto* cas = std::get_if<CasDone>(&event)) {
    if (cas->outcome == CasDone::Outcome::kConflict)
      note(log::Level::kInfo, "configuration not stored", "another change was faster");
    else if (cas->outcome == CasDone::Outcome::kUnknown)
      note(log::Level::kInfo, "configuration perhaps stored", "the coordinator did not answer");
  } else if (std::holds_alternative<Stop>(event)) {
    note(log::Level::kInfo, "node stops", "it was told to");
  } else if (const auto* lost = std::get_if<PeerLost>(&event)) {
    if (core.role == Role::kPrimary && peers_.contains(lost->peer))
      note(log::Level::kInfo, "connection to a copy broke", "", lost->peer);
  } else if (const auto* transfer = std::get_if<TransferTo>(&event)) {
    if (core.primacy.transfer && !transfer_)
      note(log::Level::kInfo, "handing over", "an operator, or the placement, asked for it",
           transfer->target);
  }
  if (core.coordinator_up == coordinator_up_ || core.role == Role::kStarting) return;
  coordinator_up_ = core.coordinator_up;
  note(coordinator_up_ ? log::Level::kInfo : log::Level::kWarning,
       coordinator_up_ ? "coordinator reached" : "coordinator not reached",
       coordinator_up_ ? "" : "mail goes on; nobody can take over meanwhile");
}

void Chronicle::look_at_configuration(const State& core) {
  const std::optional<ShardConfig> before = std::exchange(config_, core.config);
  version_ = core.config_version;
  if (!config_) return;
  const std::string by =
      config_->nonce.node == NodeId{0} ? "" : ", by node " + to_string(config_->nonce.node);
  const std::string now = "primary " +
                          (config_->primary == NodeId{0} ? "none" : to_string(config_->primary)) +
                          ", in sync " + nodes_text(config_->isr) + " of " +
                          std::to_string(config_->replicas.size()) + by;
  if (!before) return note(log::Level::kInfo, "configuration read", now);
  if (before->isr != config_->isr) {
    std::string change;
    for (const CopyId& copy : before->isr)
      if (!config_->in_isr(copy)) change += "node " + to_string(copy.node) + " out, ";
    for (const CopyId& copy : config_->isr)
      if (!before->in_isr(copy)) change += "node " + to_string(copy.node) + " in, ";
    const bool fewer = config_->isr.size() < before->isr.size();
    return note(fewer ? log::Level::kWarning : log::Level::kInfo, "in-sync copies changed",
                change + now);
  }
  if (before->primary != config_->primary || before->epoch != config_->epoch)
    return note(log::Level::kInfo, "primary changed", now);
  if (before->replicas != config_->replicas || before->min_isr != config_->min_isr)
    note(log::Level::kInfo, "placement changed", now);
}

void Chronicle::look_at_role(const State& core, Micros now) {
  const Role before = std::exchange(role_, core.role);
  phase_ = Candidacy::Phase::kWaiting;
  peers_.clear();
  follows_.reset();
  switch (core.role) {
    case Role::kCandidate:
      transferred_ = core.candidacy.transferred;
      return note(transferred_ ? log::Level::kInfo : log::Level::kWarning, "wants to lead",
                  why_candidate(core, now));
    case Role::kPrimary:
      ++counts_.takeovers;
      return note(log::Level::kInfo, "becomes primary", "its takeover is stored");
    case Role::kLearner:
      return note(log::Level::kInfo, "becomes learner", "it is not among the in-sync copies");
    case Role::kBackup:
      if (before == Role::kStarting) return;
      return note(log::Level::kInfo, "becomes backup",
                  before == Role::kLearner ? "it is among the in-sync copies now"
                                           : "primary is " + primary_text(core));
    case Role::kFailed:
    case Role::kStarting:
      return;
  }
}

void Chronicle::look_at_candidacy(const State& core) {
  const Candidacy::Phase before = std::exchange(phase_, core.candidacy.phase);
  if (phase_ == before) return;
  switch (phase_) {
    case Candidacy::Phase::kWaiting:
      // Again and again while it is cut off: the journal notes it once.
      if (before == Candidacy::Phase::kPoll)
        note(log::Level::kInfo, "does not take over yet", polled_text(core));
      return;
    case Candidacy::Phase::kPoll:
      return;
    case Candidacy::Phase::kFence:
      return note(log::Level::kInfo, "asks the others for promises",
                  "it is not sure of its own records; " + polled_text(core));
    case Candidacy::Phase::kCas:
      return note(log::Level::kInfo, "takes over",
                  core.candidacy.transferred ? "it has all that was committed" : polled_text(core));
  }
}

void Chronicle::look_at_peers(const State& core) {
  for (const auto& [node, peer] : core.primacy.peers) {
    const auto known = peers_.find(node);
    const bool first = known == peers_.end();
    if (!first && known->second == peer.state) continue;
    const PeerState before = first ? PeerState::kProbing : known->second;
    peers_[node] = peer.state;
    if (to_text(before) == to_text(peer.state)) continue;  // within a handshake
    const bool follows = peer.state == PeerState::kStreaming;
    note(log::Level::kInfo, to_text(peer.state),
         follows ? "from LSN " + to_string(peer.match) + " on" : std::string(), node);
  }
}

void Chronicle::look_at_transfer(const State& core) {
  const std::optional<NodeId> before = transfer_;
  transfer_.reset();
  if (core.primacy.transfer) transfer_ = core.primacy.transfer->target;
  if (transfer_ || !before) return;
  if (core.role == Role::kPrimary)
    return note(log::Level::kWarning, "was not taken over",
                "in the time that it has for that: "
                "goes on leading",
                *before);
  ++counts_.transfers;
}

}  // namespace everpost::cluster
