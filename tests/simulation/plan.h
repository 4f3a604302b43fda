// What a run is made of: how many copies, which faults with which rates, and when each of them
// strikes. It all follows from the seed; a shrunk plan leaves faults out.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/clock.h"
#include "cluster/replication/mutation.h"

namespace everpost::simulation {

using cluster::replication::Bug;

struct Fault {
  enum class Kind : std::uint8_t {
    kCrash,      // the process dies, its connections break; starts again after `time`
    kPowerLoss,  // the machine goes silent; unsynced bytes may be gone
    kLie,        // the same, and synced records at the end are gone, too
    kWipe,       // power loss, and an empty disk afterwards
    kDamage,     // crash, and a record in the middle is unreadable afterwards
    kSyncError,  // the next sync fails
    kSlowDisk,   // syncs take `amount` ms for `time`
    kPause,      // the process stands still, its clock goes on (SIGSTOP)
    kFreeze,     // the machine stands still, its clock too (VM)
    kCutOneWay,  // nothing gets from `node` to `other`
    kCutBothWays,
    kClog,            // what node sends to other arrives only when it is over
    kIsolate,         // node is cut off from all other nodes
    kCutCoordinator,  // node is cut off from the coordinator
    kReset,           // the connection between node and other breaks, both live on
    kCoordinatorDown,
    kTransfer,   // an operator asks the primary to hand over to `node`
    kStop,       // node is stopped cleanly, and started again
    kPlacement,  // the placer changes the order of the replicas
    // Several things at once, around whoever is primary: what it takes to get at the rules that
    // single faults hardly ever reach (traps.h).
    kDeafPrimary,
    kMutePrimary,
    kLateAcks,
    kZombie,
    kForgetful,
  };
  Micros at{};
  Kind kind{};
  std::uint32_t node = 0, other = 0;  // indices of nodes
  Micros time{};
  std::uint32_t amount = 0;
};
std::string to_string(const Fault& fault);

struct Plan {
  std::uint64_t seed = 0;
  std::uint32_t nodes = 3;
  std::uint32_t replicas = 3;  // the first so many nodes
  std::uint32_t isr = 3;       // at the start: the first so many replicas
  std::uint8_t min_isr = 2;
  std::uint32_t clients = 3;
  Micros think_time{};  // mean, between a client's operations
  Micros chaos_time{};  // faults strike for so long, then everything is healed

  // Rates of what happens all the time.
  double drop = 0, duplicate = 0, reorder = 0;
  Micros delay_mean{};
  Micros coordinator_mean{};  // one way
  double cas_unknown = 0;
  double watch_loss = 0;
  double stale_read = 0;
  double slow_sync = 0;  // 1 in so many syncs takes up to 50 ms
  double client_loss = 0;
  double clock_drift = 0;  // at most

  std::vector<Fault> faults;
  Bug bug = Bug::kNone;
};

// Each run draws its own subset of faults and rates (swarm testing: a fault that is always there
// hides others).
Plan make_plan(std::uint64_t seed);

}  // namespace everpost::simulation
