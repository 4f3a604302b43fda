// The changes of a shard's configuration that are legal (docs/replication.md, "Changes of the
// configuration"). Whoever proposes one checks it first, and so does a simulated coordinator with
// whatever it is asked to store: a value that follows from none of them is a bug in the proposer.
#pragma once

#include "base/result.h"
#include "cluster/coordinator/shard_config.h"

namespace everpost::cluster {

enum class Transition : std::uint8_t {
  kTakeover,     // T1: a member of the ISR becomes primary of the next epoch
  kShrink,       // T2: the primary drops members that do not answer
  kExtend,       // T3: the primary takes in a copy that has caught up, perhaps instead of another
  kSelfRemoval,  // T4: a node takes out a copy of its own that has lost its data
  kPlacement,    // T5: the placer changes replicas, their order, min_isr
  kUnclean,      // T6: an operator gives up what is lost; a new lineage
  kTouch,        // T8: nothing but the nonce: the version goes up, which voids fences
};
std::string_view to_string(Transition kind);

// Whether `actor` may replace `from` by `to`. Errors: kInvalidArgument with the rule it breaks.
// What the values alone do not show is the proposer's duty: that a candidate is not SUSPECT, that a
// copy taken in has caught up (D10), that a removed copy of one's own is really gone.
Result<void> check_transition(const ShardConfig& from, const ShardConfig& to, const CopyId& actor,
                              Transition kind);

}  // namespace everpost::cluster
