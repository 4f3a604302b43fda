// The replication core: what a replica of a shard does, as a function of its state and of what
// happens. No I/O, no clock, no thread; the driver (cluster/shard) and the simulation
// (tests/simulation) carry out its effects. The protocol: docs/replication.md.
//
// In short: the primary appends a record, sends it to all copies while it writes it itself, and
// counts it committed once every copy of the ISR has it on stable storage. Any member of the ISR
// may take over, by one compare-and-set of the shard's configuration: it holds all that was ever
// committed, and the old primary cannot commit without it.
#pragma once

#include <vector>

#include "cluster/replication/effect.h"
#include "cluster/replication/state.h"

namespace everpost::cluster::replication {

struct Now {
  Micros steady{};  // CLOCK_BOOTTIME
  WallTime wall;    // written into records; nothing is decided by it
};

State make_state(const Identity& self, const Settings& settings);

// Applies one event and appends what is to be done to `effects`.
void step(State& state, const Now& now, const Event& event, std::vector<Effect>& effects);

// When a Tick is due at the latest, if nothing else happens.
Micros next_wake(const State& state);

}  // namespace everpost::cluster::replication
