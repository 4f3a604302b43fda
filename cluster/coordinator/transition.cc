#include "cluster/coordinator/transition.h"

#include <set>

namespace everpost::cluster {
namespace {

Result<void> require(bool holds, Transition kind, std::string_view rule) {
  if (holds) return {};
  return Error{ErrorCode::kInvalidArgument,
               std::string(to_string(kind)) + ": " + std::string(rule)};
}

std::vector<CopyId> removed(const ShardConfig& from, const ShardConfig& to) {
  std::vector<CopyId> gone;
  for (const CopyId& copy : from.isr)
    if (!to.in_isr(copy)) gone.push_back(copy);
  return gone;
}
std::vector<CopyId> added(const ShardConfig& from, const ShardConfig& to) {
  return removed(to, from);
}

bool same_placement(const ShardConfig& from, const ShardConfig& to) {
  return from.replicas == to.replicas && from.min_isr == to.min_isr;
}
bool same_reign(const ShardConfig& from, const ShardConfig& to) {
  return from.lineage == to.lineage && from.epoch == to.epoch && from.primary == to.primary &&
         from.accept_loss == to.accept_loss;
}

Result<void> check_shape(const ShardConfig& to, Transition kind) {
  std::set<NodeId> nodes;
  for (const CopyId& copy : to.isr) {
    RETURN_IF_ERROR(require(nodes.insert(copy.node).second, kind, "a node twice in the ISR"));
    RETURN_IF_ERROR(require(to.in_replicas(copy.node), kind, "ISR not among the replicas"));
  }
  return require(to.min_isr >= 1, kind, "min_isr of 0");
}

}  // namespace

std::string_view to_string(Transition kind) {
  switch (kind) {
    case Transition::kTakeover:
      return "takeover";
    case Transition::kShrink:
      return "shrink";
    case Transition::kExtend:
      return "extend";
    case Transition::kSelfRemoval:
      return "self-removal";
    case Transition::kPlacement:
      return "placement";
    case Transition::kUnclean:
      return "unclean recovery";
    case Transition::kTouch:
      return "touch";
  }
  return "?";
}

Result<void> check_transition(const ShardConfig& from, const ShardConfig& to, const CopyId& actor,
                              Transition kind) {
  RETURN_IF_ERROR(check_shape(to, kind));
  const auto gone = removed(from, to);
  const auto come = added(from, to);
  const auto holds = [&](bool condition, std::string_view rule) {
    return require(condition, kind, rule);
  };
  switch (kind) {
    case Transition::kTakeover:
      RETURN_IF_ERROR(holds(same_placement(from, to), "placement changed"));
      RETURN_IF_ERROR(holds(to.lineage == from.lineage, "lineage changed"));
      RETURN_IF_ERROR(holds(to.epoch.value == from.epoch.value + 1, "not the next epoch"));
      RETURN_IF_ERROR(holds(to.primary == actor.node, "for another node"));
      RETURN_IF_ERROR(holds(from.in_isr(actor) && to.in_isr(actor), "by a copy not in the ISR"));
      RETURN_IF_ERROR(holds(come.empty(), "takes in a copy"));
      return holds(to.isr.size() >= std::min<std::size_t>(from.min_isr, from.isr.size()),
                   "leaves fewer than min_isr");
    case Transition::kShrink:
      RETURN_IF_ERROR(holds(same_placement(from, to) && same_reign(from, to), "changes more"));
      RETURN_IF_ERROR(holds(from.primary == actor.node && to.in_isr(actor), "not by the primary"));
      RETURN_IF_ERROR(holds(come.empty() && !gone.empty(), "does not shrink"));
      return holds(to.isr.size() >= to.min_isr, "below min_isr (D3)");
    case Transition::kExtend:
      RETURN_IF_ERROR(holds(same_placement(from, to) && same_reign(from, to), "changes more"));
      RETURN_IF_ERROR(holds(from.primary == actor.node && to.in_isr(actor), "not by the primary"));
      RETURN_IF_ERROR(holds(come.size() == 1 && gone.size() <= 1, "not one copy"));
      return holds(to.isr.size() >= to.min_isr || to.isr.size() > from.isr.size(),
                   "below min_isr (D3)");
    case Transition::kSelfRemoval:
      RETURN_IF_ERROR(holds(same_placement(from, to), "placement changed"));
      RETURN_IF_ERROR(holds(to.lineage == from.lineage && to.epoch == from.epoch, "reign changed"));
      RETURN_IF_ERROR(holds(come.empty() && gone.size() == 1, "not one copy"));
      RETURN_IF_ERROR(holds(gone[0].node == actor.node, "of another node"));
      return holds(to.primary == (from.primary == actor.node ? NodeId{0} : from.primary),
                   "primary changed");
    case Transition::kPlacement:
      RETURN_IF_ERROR(holds(same_reign(from, to) && from.isr == to.isr, "changes more"));
      return {};
    case Transition::kUnclean:
      RETURN_IF_ERROR(holds(same_placement(from, to), "placement changed"));
      RETURN_IF_ERROR(holds(to.lineage.value == from.lineage.value + 1, "not the next lineage"));
      RETURN_IF_ERROR(holds(to.epoch.value == from.epoch.value + 1, "not the next epoch"));
      return holds(to.primary == NodeId{0} && to.isr.size() == 1 && to.accept_loss,
                   "must name one copy, no primary, and accept the loss");
    case Transition::kTouch: {
      ShardConfig same = to;
      same.nonce = from.nonce;
      RETURN_IF_ERROR(holds(same == from, "changes more than the nonce"));
      return holds(from.primary == actor.node, "not by the primary");
    }
  }
  return holds(false, "unknown");
}

}  // namespace everpost::cluster
