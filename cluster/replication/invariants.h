// What must hold after every step, in the daemon as in the simulation (docs/hazards.md, "I:
// invariants"). What concerns several replicas at once only a simulation can check.
#pragma once

#include "cluster/replication/state.h"

namespace everpost::cluster::replication {

// What a step must not lower.
struct Watermarks {
  Lsn commit, applied;
  Epoch epoch;
  Lineage lineage;
  std::uint64_t config_version = 0;
};
Watermarks watermarks(const State& state);

void check_invariants(const State& state, const Watermarks& before);

}  // namespace everpost::cluster::replication
