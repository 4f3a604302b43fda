#include "tests/simulation/small_world.h"

#include "tests/simulation/failure.h"
#include "tests/simulation/small_world_model.h"

namespace everpost::simulation {

using namespace small;
using Kind = Move::Kind;

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

}  // namespace everpost::simulation
