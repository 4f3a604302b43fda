// Tells what happens to one copy of a shard, and why: each event becomes a line of the log and an
// entry of the journal, here and nowhere else. Called under the driver's mutex; waits for nothing.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "base/log.h"
#include "cluster/replication/state.h"
#include "cluster/shard/journal.h"

namespace everpost::cluster {

class Chronicle {
 public:
  // `journal` may be null: then there are only log lines.
  Chronicle(Journal* journal, ShardId shard) : journal_(journal), shard_(shard) {}

  // After a step of the core: finds out what has changed in it. Costs nothing if that is nothing.
  void look(const replication::State& core, const replication::Event& event, Micros now);
  // Anything else. `peer` 0: none.
  void note(log::Level level, std::string_view what, std::string_view why = {},
            NodeId peer = NodeId{0});

  struct Counts {
    std::uint64_t events = 0;
    std::uint64_t takeovers = 0;  // this copy became primary
    std::uint64_t transfers = 0;  // and handed over on purpose
  };
  const Counts& counts() const { return counts_; }

 private:
  using Candidacy = replication::Candidacy;
  using Role = replication::Role;
  using PeerState = replication::Peer::State;

  void look_at_event(const replication::State& core, const replication::Event& event);
  void look_at_role(const replication::State& core, Micros now);
  void look_at_candidacy(const replication::State& core);
  void look_at_configuration(const replication::State& core);
  void look_at_peers(const replication::State& core);
  void look_at_transfer(const replication::State& core);

  Journal* const journal_;
  const ShardId shard_;
  Counts counts_;

  // As it was after the step before.
  Epoch epoch_;
  Role role_ = Role::kStarting;
  Candidacy::Phase phase_ = Candidacy::Phase::kWaiting;
  bool transferred_ = false, suspect_ = false, hole_ = false, coordinator_up_ = false;
  std::uint64_t version_ = 0;
  std::optional<ShardConfig> config_;
  std::optional<NodeId> follows_;
  std::map<NodeId, PeerState> peers_;
  std::optional<NodeId> transfer_;
};

}  // namespace everpost::cluster
