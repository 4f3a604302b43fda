// Lines of a trace: who, when, what happened, from what state.
#pragma once

#include "cluster/replication/effect.h"
#include "cluster/replication/state.h"

namespace everpost::simulation {

class Cluster;

// An event's name and what it brings.
std::string describe(const cluster::replication::Event& event);

void describe_before(Cluster& cluster, const cluster::replication::State& core,
                     const cluster::replication::Event& event);
void describe_effect(Cluster& cluster, NodeId node, const cluster::replication::Effect& effect);

}  // namespace everpost::simulation
