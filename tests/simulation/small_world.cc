#include "tests/simulation/small_world.h"

#include <fmt/format.h>

#include "cluster/replication/step.h"
#include "tests/simulation/describe.h"
#include "tests/simulation/failure.h"

namespace everpost::simulation {
namespace {

using Kind = Move::Kind;

constexpr Micros kNow = std::chrono::seconds{1000};  // always
constexpr Micros kSoon = kNow + Micros{1};           // not due, until a timer fires

NodeId id_of(std::uint8_t node) { return NodeId{node + 1u}; }
CopyId copy_of(std::uint8_t node) {
  CopyId copy{id_of(node), {}};
  copy.disk[0] = static_cast<std::byte>(node + 1);
  return copy;
}

Settings settings() {
  Settings settings;
  settings.rank_delay = Micros{0};
  settings.duel_time = Micros{0};
  return settings;
}

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
    if (peer.suspect_since) peer.suspect_since = kNow;
    if (peer.stalled_since) peer.stalled_since = kNow;
  }
  for (auto& [node, readmission] : state.primacy.readmissions)
    readmission = {due(readmission.not_before), Micros{0}, Micros{0}};
  for (Proposal& proposal : state.proposals) proposal.sent = kNow;
  state.coordinator_changed = state.config_read = kNow;
  state.duel_backoff = state.duel_not_before = state.fetched = Micros{0};
}

// What a crash leaves of the disk.
struct Survives {
  bool unsynced;   // what is written, not synced
  bool new_meta;   // the meta file that is being written
  bool suspect;    // the power was lost
  bool last_sync;  // else the disk has lied about its last record
};
Survives survives(std::uint8_t variant) {
  return {(variant & 1) != 0, (variant & 2) != 0, (variant & 12) != 0, (variant & 8) == 0};
}

}  // namespace

std::string_view to_string(Beginning beginning) {
  return beginning == Beginning::kInSync ? "in sync" : "joining";
}

// ---- a copy's disk

LogRecordPtr World::Replica::ending_at(Lsn end) const {
  for (const LogRecordPtr& record : records)
    if (record->header.end() == end) return record;
  if (core)
    for (const LogRecordPtr& record : core->log.tail)
      if (record->header.end() == end) return record;
  return nullptr;
}

LogContents World::Replica::contents() const {
  LogContents log;
  for (const LogRecordPtr& record : records) {
    const storage::RecordHeader& header = record->header;
    if (log.table.empty() || log.table.back().epoch < header.epoch)
      log.table.push_back({header.epoch, log.end});
    log.end = end_of(*record);
    log.commit = std::max(log.commit, header.commit);
    log.last_time = std::max(log.last_time, header.time);
  }
  log.commit = std::min(log.commit, log.end.lsn);
  return log;
}

// ---- the beginning

World World::make(Beginning beginning, const Budget& budget) {
  World world;
  world.left_ = {0, 1, 0, 0, 1, 0};
  const bool all = beginning == Beginning::kInSync;
  Stored first;
  first.config.min_isr = 2;
  for (std::uint8_t i = 0; i < kReplicas; ++i) {
    first.config.replicas.push_back(id_of(i));
    if (i < 2 || all) first.config.isr.push_back(copy_of(i));
  }
  world.stored_ = std::make_shared<const Stored>(first);
  world.committed_ = std::make_shared<const std::vector<LogRecordPtr>>();
  for (std::uint8_t i = 0; i < kReplicas; ++i)
    world.replicas_[i] = std::make_shared<const Replica>();
  for (std::uint8_t i = 0; i < kReplicas; ++i) world = world.after({Kind::kRestart, i});
  world.settle(all);
  world = world.after({Kind::kSuspect, 0});
  world.settle(all);
  const State& primary = *world.replicas_[0]->core;
  require(primary.role == Role::kPrimary && primary.primacy.open, "setup", "the first one leads");
  world.left_ = budget;
  return world;
}

// Whatever happens by itself; messages to the third replica stay where they are, if it is to join.
void World::settle(bool with_third) {
  for (bool moved = true; moved;) {
    moved = false;
    for (const Move& move : moves()) {
      if (move.kind > Kind::kAnswer || move.kind == Kind::kDrop || move.kind == Kind::kPropose ||
          move.kind == Kind::kLoseAnswer)
        continue;
      if (move.kind == Kind::kDeliver && move.node == 2 && !with_third) continue;
      *this = after(move);
      moved = true;
      break;
    }
  }
}

// ---- what may happen

std::vector<Move> World::moves() const {
  std::vector<Move> moves;
  for (std::uint8_t i = 0; i < kReplicas; ++i) {
    const Replica& replica = *replicas_[i];
    for (std::uint8_t j = 0; j < kReplicas; ++j) {
      if (is_empty(j, i)) continue;
      moves.push_back({Kind::kDeliver, i, j});
      if (left_.drops > 0) moves.push_back({Kind::kDrop, i, j});
    }
    for (std::size_t r = 0; r < replica.requests.size(); ++r) {
      const Request& request = replica.requests[r];
      const auto number = static_cast<std::uint8_t>(r);
      if (request.answer) {
        moves.push_back({Kind::kAnswer, i, number});
        continue;
      }
      const bool stores = request.cas && request.cas->version == stored_->version;
      if (!stores || left_.cas > 0) moves.push_back({Kind::kDecide, i, number});
      if (request.cas && !request.orphan && left_.unknowns > 0)
        moves.push_back({Kind::kLoseAnswer, i, number});
    }
    if (!replica.core) {
      moves.push_back({Kind::kRestart, i});
      continue;
    }
    const State& core = *replica.core;
    if (core.log.persisting) moves.push_back({Kind::kPersisted, i});
    if (core.log.truncating) moves.push_back({Kind::kTruncated, i});
    if (core.saving) moves.push_back({Kind::kMetaSaved, i});
    if (!core.config || core.config_version < stored_->version)
      moves.push_back({Kind::kSeeConfig, i});
    if (left_.operations > 0 && core.role == Role::kPrimary && core.primacy.open)
      moves.push_back({Kind::kPropose, i});
    if (left_.timeouts > 0) timers(i, moves);
    if (left_.crashes > 0) {
      const std::uint8_t kinds[] = {0, 4, 8};
      for (const std::uint8_t kind : kinds)
        for (std::uint8_t kept = 0; kept < 4; ++kept) {
          if ((kept & 1) != 0 && (!core.log.persisting || kind == 8)) continue;
          if ((kept & 2) != 0 && !core.saving) continue;
          moves.push_back({Kind::kCrash, i, 0, static_cast<std::uint8_t>(kind | kept)});
        }
    }
  }
  return moves;
}

void World::timers(std::uint8_t node, std::vector<Move>& moves) const {
  const State& core = *replicas_[node]->core;
  const auto add = [&](Kind kind, std::uint8_t other = 0) { moves.push_back({kind, node, other}); };
  if (core.role == Role::kBackup && core.in_isr()) add(Kind::kSuspect);
  if (core.role == Role::kCandidate && core.candidacy.phase != Candidacy::Phase::kCas)
    add(Kind::kPollOver);
  if (!core.proposals.empty() && core.proposals.back().unknown) add(Kind::kRetryCas);
  if (core.meta.suspect && core.following.verify_not_before > kNow) add(Kind::kRetryVerify);
  if (core.role != Role::kPrimary) return;
  for (const auto& [id, peer] : core.primacy.peers) {
    const auto other = static_cast<std::uint8_t>(id.value - 1);
    // What is under way already needs no repetition.
    const bool silent = is_empty(node, other);
    if (peer.state == Peer::State::kStreaming) {
      if (silent) add(Kind::kHeartbeat, other);
    } else if (silent && core.primacy.begun) {
      add(Kind::kProbeAgain, other);
    }
    if (core.config->in_isr(id) && core.config->isr.size() > core.config->min_isr &&
        core.proposals.empty())
      add(Kind::kSlow, other);
  }
  for (const auto& [id, readmission] : core.primacy.readmissions)
    if (readmission.not_before > kNow) add(Kind::kReadmit, static_cast<std::uint8_t>(id.value - 1));
}

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

std::uint64_t World::hash() const {
  Hash hash;
  for (const ReplicaPtr& replica : replicas_) hash.add(replica->hash);
  for (const auto& row : links_)
    for (const auto& link : row) {
      hash.add(link ? link->size() : 0);
      if (link)
        for (const auto& parcel : *link) hash.add(parcel->hash);
    }
  hash.add(stored_->version).add(stored_->config.nonce).add(committed_->size());
  if (!committed_->empty()) hash.add(committed_->back());
  for (const Incarnation& primary : primaries_) hash.add(primary);
  hash.add(left_.operations).add(left_.cas).add(left_.crashes).add(left_.drops);
  return hash.add(left_.timeouts).add(left_.unknowns).value();
}

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

// ---- for people

std::string World::describe(const Move& move) const {
  const Replica& replica = *replicas_[move.node];
  const auto tell = [&](const Event& event) { return simulation::describe(event); };
  std::string text = fmt::format("n{} ", move.node + 1);
  if (replica.core) {
    const State& core = *replica.core;
    text += fmt::format("[{} e{} end {} durable {} commit {}] ", to_string(core.role),
                        core.meta.epoch.value, core.log.end.lsn.value, core.log.durable.lsn.value,
                        core.commit.value);
  }
  const auto peer = [&](const char* what) {
    return text + fmt::format("{} n{}", what, move.other + 1);
  };
  switch (move.kind) {
    case Kind::kDeliver:
    case Kind::kDrop: {
      const auto& parcel = *links_[move.other][move.node]->front();
      const Event event =
          parcel.message ? Event{Received{*parcel.message}} : Event{PeerLost{id_of(move.other)}};
      return text + (move.kind == Kind::kDrop ? "LOST: " : "") + tell(event);
    }
    case Kind::kPersisted:
      return text + "Persisted";
    case Kind::kTruncated:
      return text + "Truncated";
    case Kind::kMetaSaved:
      return text + "MetaSaved";
    case Kind::kPropose:
      return text + "Propose";
    case Kind::kSeeConfig:
      return text + tell(ConfigSeen{stored_->config, stored_->version});
    case Kind::kDecide:
    case Kind::kLoseAnswer: {
      const Request& request = replica.requests[move.other];
      text += move.kind == Kind::kDecide ? "the coordinator decides " : "hears nothing about ";
      if (!request.cas) return text + "a verification";
      const ConfigSeen asked{request.cas->config, request.cas->version};
      return text + std::string(to_string(request.cas->kind)) + tell(asked);
    }
    case Kind::kAnswer:
      return text + tell(*replica.requests[move.other].answer);
    case Kind::kSuspect:
      return text + "suspects the primary";
    case Kind::kPollOver:
      return text + "waits no longer";
    case Kind::kHeartbeat:
      return peer("heartbeat to");
    case Kind::kProbeAgain:
      return peer("probes again");
    case Kind::kSlow:
      return peer("has not heard for long of");
    case Kind::kReadmit:
      return peer("may take in again");
    case Kind::kRetryCas:
      return text + "proposes again";
    case Kind::kRetryVerify:
      return text + "verifies again";
    case Kind::kCrash: {
      const Survives kept = survives(move.variant);
      return text + fmt::format("CRASH{}{}{}{}", kept.suspect ? " of the machine" : "",
                                kept.last_sync ? "" : ", the disk lied",
                                kept.unsynced ? ", unsynced records kept" : "",
                                kept.new_meta ? ", new meta kept" : "");
    }
    case Kind::kRestart:
      return text + "starts";
  }
  return text;
}

}  // namespace everpost::simulation
