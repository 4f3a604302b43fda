#include <fmt/format.h>

#include "cluster/replication/step.h"
#include "tests/simulation/failure.h"
#include "tests/simulation/small_world_model.h"

namespace everpost::simulation {

using namespace small;
using Kind = Move::Kind;

namespace {

// Times that differ but mean the same become the same.
void forget_times(State& state) {
  const auto due = [](Micros time) { return time > kNow ? kSoon : Micros{0}; };
  state.following.heard = kNow;
  state.following.verify_not_before = due(state.following.verify_not_before);
  state.candidacy.since = kNow;
  state.candidacy.wake = due(state.candidacy.wake);
  for (auto& [node, peer] : state.primacy.peers) {
    const bool probe =
        peer.state == Peer::State::kProbing && kNow - peer.sent >= state.settings.probe_every;
    peer.sent = probe ? kNow - state.settings.probe_every : kNow;
    peer.heard = kNow;
    peer.lost.reset();
    if (peer.suspect_since) peer.suspect_since = kNow;
    if (peer.stalled_since) peer.stalled_since = kNow;
  }
  state.primacy.look_again.reset();
  for (auto& [node, readmission] : state.primacy.readmissions)
    readmission = {due(readmission.not_before), Micros{0}, Micros{0}};
  for (Proposal& proposal : state.proposals) proposal.sent = kNow;
  state.coordinator_changed = state.config_read = kNow;
  state.duel_backoff = state.duel_not_before = state.fetched = Micros{0};
}

}  // namespace

// ---- what happens

World World::after(const Move& move) const {
  World world = *this;
  const auto changed = std::make_shared<Replica>(*replicas_[move.node]);
  world.act(move, *changed);
  Hash hash;
  hash.add(changed->core).add(changed->records.size()).add(changed->durable);
  if (!changed->records.empty()) hash.add(changed->records.back());
  hash.add(changed->meta).add(changed->saving).add(changed->applied).add(changed->life);
  for (const Request& request : changed->requests) {
    hash.add(request.cas.has_value()).add(request.orphan).add(request.answer.has_value());
    if (request.cas) hash.add(request.cas->config.nonce).add(request.cas->config.isr);
    hash.add(request.cas ? request.cas->version : request.verify.version);
    hash.add(request.verify.token);
    if (!request.answer) continue;
    if (const auto* done = std::get_if<CasDone>(&*request.answer))
      hash.add(done->outcome);
    else
      hash.add(std::get<ConfigVerified>(*request.answer).still);
  }
  changed->hash = hash.value();
  world.replicas_[move.node] = changed;
  world.check(*replicas_[move.node], *changed);
  return world;
}

void World::act(const Move& move, Replica& replica) {
  switch (move.kind) {
    case Kind::kDeliver:
    case Kind::kDrop:
      return deliver(move, replica);
    case Kind::kPersisted:
      replica.durable = replica.records.size();
      return happen(replica, Persisted{replica.core->log.written.lsn});
    case Kind::kTruncated: {
      const LogEnd at = *replica.core->log.truncating;
      std::size_t kept = 0;
      while (kept < replica.records.size() && replica.records[kept]->header.lsn < at.lsn) ++kept;
      const LogEnd end = kept == 0 ? LogEnd{} : end_of(*replica.records[kept - 1]);
      const bool same = end == at;
      if (same) replica.records.resize(kept);
      if (same) replica.durable = kept;
      return happen(replica, Truncated{same, replica.contents().last_time});
    }
    case Kind::kMetaSaved:
      replica.meta = *std::exchange(replica.saving, std::nullopt);
      return happen(replica, MetaSaved{});
    case Kind::kPropose: {
      const std::uint64_t number = --left_.operations;
      storage::NewRecord record;
      record.meta = fmt::format("operation {}", number);
      record.seal();
      return happen(replica, Propose{RequestId{number}, std::move(record)});
    }
    case Kind::kSeeConfig:
      return happen(replica, ConfigSeen{stored_->config, stored_->version});
    case Kind::kDecide:
      return decide(move, replica);
    case Kind::kLoseAnswer: {
      --left_.unknowns;
      Request& request = replica.requests[move.other];
      request.orphan = true;
      return happen(replica, CasDone{request.cas->config.nonce, CasDone::Outcome::kUnknown, 0});
    }
    case Kind::kAnswer: {
      const Request request = replica.requests[move.other];
      replica.requests.erase(replica.requests.begin() + move.other);
      return happen(replica, *request.answer);
    }
    case Kind::kCrash:
      return crash(move, replica);
    case Kind::kRestart:
      return start(replica, move.node);
    default:
      return fire(move, replica);
  }
}

void World::deliver(const Move& move, Replica& replica) {
  auto& link = links_[move.other][move.node];
  const auto parcel = link->front();
  link = link->size() == 1 ? nullptr : std::make_shared<const Link>(link->begin() + 1, link->end());
  if (move.kind == Kind::kDrop) {
    --left_.drops;
    return;
  }
  if (parcel->message) return happen(replica, Received{*parcel->message});
  happen(replica, PeerLost{id_of(move.other)});
}

void World::decide(const Move& move, Replica& replica) {
  Request& request = replica.requests[move.other];
  if (request.cas) {
    const Cas& cas = *request.cas;
    const bool stores = cas.version == stored_->version;
    if (stores) {
      const auto legal =
          check_transition(stored_->config, cas.config, copy_of(move.node), cas.kind);
      if (!legal) throw Failure("I12", legal.error().context);
      stored_ = std::make_shared<const Stored>(Stored{cas.config, stored_->version + 1});
      --left_.cas;
    }
    request.answer =
        CasDone{cas.config.nonce, stores ? CasDone::Outcome::kStored : CasDone::Outcome::kConflict,
                cas.version + 1};
  } else {
    request.answer = ConfigVerified{request.verify.token, request.verify.version,
                                    request.verify.version == stored_->version};
  }
  if (request.orphan) replica.requests.erase(replica.requests.begin() + move.other);
}

void World::fire(const Move& move, Replica& replica) {
  --left_.timeouts;
  State& core = *replica.core;
  const Settings& settings = core.settings;
  const auto peer = [&]() -> Peer& { return core.primacy.peers.at(id_of(move.other)); };
  switch (move.kind) {
    case Kind::kSuspect: {
      NodeId primary = core.config->primary;
      if (core.following.primary) primary = core.following.primary->node;
      if (primary != NodeId{0} && primary != core.self.copy.node)
        return happen(replica, PeerLost{primary});
      core.following.heard = kNow - settings.suspect_after;
      break;
    }
    case Kind::kPollOver:
      core.candidacy.wake = kNow;
      break;
    case Kind::kHeartbeat:
      peer().sent = kNow - settings.heartbeat;
      break;
    case Kind::kProbeAgain:
      peer().sent = kNow - 10 * settings.probe_every;
      break;
    case Kind::kSlow:
      peer().heard = kNow - settings.slow_after - Micros{1};
      break;
    case Kind::kReadmit:
      core.primacy.readmissions.at(id_of(move.other)).not_before = kNow;
      break;
    case Kind::kRetryCas:
      core.proposals.back().sent = kNow - settings.cas_retry;
      break;
    case Kind::kRetryVerify:
      core.following.verify_not_before = kNow;
      break;
    default:
      throw Failure("explorer", "a move of no kind");
  }
  happen(replica, Tick{});
}

void World::crash(const Move& move, Replica& replica) {
  --left_.crashes;
  const Survives kept = survives(move.variant);
  if (!kept.unsynced) replica.records.resize(replica.durable);
  if (!kept.last_sync && !replica.records.empty()) replica.records.pop_back();
  replica.durable = replica.records.size();
  if (kept.new_meta) replica.meta = *replica.saving;
  replica.saving.reset();
  if (kept.suspect) {
    replica.meta.suspect = true;
    replica.applied = Lsn{0};  // the index is made anew from the log
  }
  replica.core.reset();
  // Nobody hears the answers; what was asked for may still be done.
  std::erase_if(replica.requests, [](const Request& r) { return r.answer || !r.cas; });
  for (Request& request : replica.requests) request.orphan = true;
  for (std::uint8_t other = 0; other < kReplicas; ++other) {
    if (other == move.node) continue;
    links_[other][move.node] = nullptr;
    post(move.node, other, std::nullopt);
  }
}

void World::start(Replica& replica, std::uint8_t node) {
  Identity self;
  self.shard = ShardId{1};
  self.copy = copy_of(node);
  self.incarnation = Incarnation{(std::uint64_t{node + 1u} << 32) | ++replica.life};
  replica.core = make_state(self, settings());
  LogContents log = replica.contents();
  replica.applied = std::max(replica.applied, log.commit);
  happen(replica, CoordinatorState{true});
  happen(replica, Started{replica.meta, std::move(log), replica.applied});
}

void World::happen(Replica& replica, Event event) {
  std::vector<Event> events = {std::move(event)};
  std::vector<Effect> effects;
  for (std::size_t i = 0; i < events.size(); ++i) {
    effects.clear();
    const Event next = std::move(events[i]);
    step(*replica.core, {kNow, WallTime{0}}, next, effects);
    // After a conflict the coordinator is asked at once.
    const auto* done = std::get_if<CasDone>(&next);
    if (done && done->outcome == CasDone::Outcome::kConflict &&
        replica.core->config_version < stored_->version)
      events.push_back(ConfigSeen{stored_->config, stored_->version});
    for (Effect& effect : effects) carry_out(replica, effect, events);
  }
  forget_times(*replica.core);
}

void World::carry_out(Replica& replica, Effect& effect, std::vector<Event>& follow) {
  const auto node = static_cast<std::uint8_t>(replica.core->self.copy.node.value - 1);
  if (auto* send = std::get_if<Send>(&effect)) {
    post(node, static_cast<std::uint8_t>(send->to.value - 1), std::move(send->message));
  } else if (auto* persist = std::get_if<Persist>(&effect)) {
    replica.records.insert(replica.records.end(), persist->records.begin(), persist->records.end());
  } else if (auto* save = std::get_if<SaveMeta>(&effect)) {
    replica.saving = save->meta;
  } else if (auto* cas = std::get_if<Cas>(&effect)) {
    replica.requests.push_back({std::move(*cas), {}, {}, false});
  } else if (auto* verify = std::get_if<VerifyConfig>(&effect)) {
    replica.requests.push_back({std::nullopt, *verify, {}, false});
  } else if (auto* commit = std::get_if<Commit>(&effect)) {
    replica.applied = std::max(replica.applied, commit->up_to);
    follow.push_back(Applied{commit->up_to});
  } else if (auto* read = std::get_if<ReadLog>(&effect)) {
    LogWasRead found{read->peer, read->purpose, read->from, {}};
    for (const LogRecordPtr& record : replica.records)
      if (record->header.lsn >= read->from && record->header.end() <= read->to)
        found.records.push_back(record);
    follow.push_back(std::move(found));
  } else if (auto* fail = std::get_if<Fail>(&effect)) {
    throw Failure(fail->why == Fail::Why::kForked ? "I5" : "fail",
                  std::string(to_string(fail->why)));
  }
}

void World::post(std::uint8_t from, std::uint8_t to, std::optional<Message> message) {
  if (to >= kReplicas || !replicas_[to]->core) return;  // nobody listens there
  auto parcel = std::make_shared<Parcel>();
  Hash hash;
  hash.add(message);
  parcel->message = std::move(message);
  parcel->hash = hash.value();
  auto longer =
      links_[from][to] ? std::make_shared<Link>(*links_[from][to]) : std::make_shared<Link>();
  longer->push_back(std::move(parcel));
  links_[from][to] = std::move(longer);
}

}  // namespace everpost::simulation
