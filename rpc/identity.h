// Who a node says it is, and whether two of them fit together. Pure.
#pragma once

#include <optional>

#include "base/capnp.h"
#include "rpc/schema/node.capnp.h"
#include "rpc/transport.h"

namespace everpost::rpc {

void write_identity(const Options& options, wire::Identity::Builder to);

// What the other side says of itself, or why there is to be no connection with it. `certified`: its
// certificate names the node it claims to be.
struct Claim {
  PeerInfo peer;
  wire::Refusal refusal = wire::Refusal::NONE;
};
template <class Certified>
Claim read_claim(const Options& options, wire::Identity::Reader from, const Certified& certified) {
  Claim claim;
  claim.peer.node = NodeId{from.getNode()};
  claim.peer.incarnation = from.getIncarnation();
  claim.peer.features = {from.getFeaturesMin(), from.getFeaturesMax()};
  claim.peer.protocol = std::min(from.getProtocolMax(), options.protocol.max);
  const auto cluster = from.getCluster();
  if (cluster.size() != options.cluster.size() || claim.peer.node == NodeId{0})
    claim.refusal = wire::Refusal::MALFORMED;
  else if (!std::equal(cluster.begin(), cluster.end(),
                       reinterpret_cast<const kj::byte*>(options.cluster.data())))
    claim.refusal = wire::Refusal::OTHER_CLUSTER;
  else if (!certified(claim.peer.node))
    claim.refusal = wire::Refusal::WRONG_CERTIFICATE;
  else if (claim.peer.protocol < std::max(from.getProtocolMin(), options.protocol.min))
    claim.refusal = wire::Refusal::NO_COMMON_PROTOCOL;
  return claim;
}

// The refusal as the side that was refused reports it, or the one that refuses logs it.
Error refused(wire::Refusal refusal);

}  // namespace everpost::rpc
