// The shard's configuration as this copy knows it, and the changes it has proposed. Reads of the
// coordinator may be old and are only hints: what counts is the outcome of a compare-and-set, and
// a version that is higher than the one known (H1, H7).
#pragma once

#include "cluster/replication/context.h"

namespace everpost::cluster::replication {

// Proposes `config` as the successor of the one known. From here on it may be in force (D2).
void propose_config(Context& c, ShardConfig config, Transition kind);

// Adopts a higher epoch: in memory at once, on the disk by the next SaveMeta. Nothing may be said
// in the new epoch before that is done.
void adopt_epoch(Context& c, Epoch epoch);
// Learner or backup, by the configuration known.
void take_member_role(Context& c);
// Epochs below the fence are to be ignored still (D7).
bool is_fenced(const State& state, Epoch epoch);

void on(Context& c, const ConfigSeen& event);
void on(Context& c, const CasDone& event);
void on(Context& c, const ConfigVerified& event);
void on(Context& c, const CoordinatorState& event);

// How often the configuration is read: more often while an outcome is not known.
Micros config_read_every(const State& state);
// Asks the coordinator again: for the outcome of what was proposed, and every few seconds.
void poll_coordinator(Context& c);
// This node's name is in the ISR with a disk that it does not have any more: takes it out (T4).
void remove_lost_copy(Context& c);

}  // namespace everpost::cluster::replication
