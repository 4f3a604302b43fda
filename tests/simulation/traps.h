// Faults that strike together, aimed at the primary of the moment. The chances of hazards like
// "a deposed primary brings a forgetful copy up to date" are nil when faults come alone; with a
// trap a planted bug shows within a few hundred seeds.
#pragma once

#include "tests/simulation/plan.h"

namespace everpost::simulation {

class Cluster;

void set_trap(Cluster& cluster, const Fault& fault);

}  // namespace everpost::simulation
