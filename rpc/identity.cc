#include "rpc/identity.h"

namespace everpost::rpc {

void write_identity(const Options& options, wire::Identity::Builder to) {
  to.setCluster(
      {reinterpret_cast<const kj::byte*>(options.cluster.data()), options.cluster.size()});
  to.setNode(options.node.value);
  to.setIncarnation(options.incarnation);
  to.setProtocolMin(options.protocol.min);
  to.setProtocolMax(options.protocol.max);
  to.setFeaturesMin(options.features.min);
  to.setFeaturesMax(options.features.max);
}

Error refused(wire::Refusal refusal) {
  switch (refusal) {
    case wire::Refusal::OTHER_CLUSTER:
      return {ErrorCode::kPermissionDenied, "a node of another cluster"};
    case wire::Refusal::WRONG_CERTIFICATE:
      return {ErrorCode::kPermissionDenied, "the certificate is not that of the node claimed"};
    case wire::Refusal::NO_COMMON_PROTOCOL:
      return {ErrorCode::kUnsupported, "no version of the protocol that both speak"};
    case wire::Refusal::UNKNOWN_NODE:
      return {ErrorCode::kUnavailable, "a node that is not known as a member of the cluster (yet)"};
    case wire::Refusal::STALE:
      return {ErrorCode::kUnavailable, "a newer link has taken this one's place"};
    case wire::Refusal::NONE:
    case wire::Refusal::MALFORMED:
      break;
  }
  return {ErrorCode::kUnavailable, "a hello that makes no sense"};
}

}  // namespace everpost::rpc
