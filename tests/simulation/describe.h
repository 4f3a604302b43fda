// Lines of a trace: who, when, what happened, the state before and after it.
#pragma once

#include "cluster/replication/effect.h"
#include "cluster/replication/state.h"

namespace everpost::simulation {

class Cluster;

// An event's name and what it brings.
std::string describe(const cluster::replication::Event& event);

void describe_before(Cluster& cluster, const cluster::replication::State& core,
                     const cluster::replication::Event& event);
// The state after it, if it is another one than `before` (of state_line()).
void describe_after(Cluster& cluster, const cluster::replication::State& core,
                    const std::string& before);
std::string state_line(const cluster::replication::State& core);
void describe_effect(Cluster& cluster, NodeId node, const cluster::replication::Effect& effect);

}  // namespace everpost::simulation
