#include "cluster/control/cluster_view.h"

#include <algorithm>

namespace everpost::cluster {
namespace {

using Nodes = std::vector<Control::NodeView>;

const CopyReport* report_of(const Control::NodeView& node, ShardId shard) {
  if (!node.report) return nullptr;
  const auto found = std::ranges::find(node.report->copies, shard, &CopyReport::shard);
  return found == node.report->copies.end() ? nullptr : &*found;
}

const CopyReport* report_of(const ShardView& shard, NodeId node) {
  const auto found = std::ranges::find(shard.copies, node, &CopyView::node);
  return found == shard.copies.end() || !found->report ? nullptr : &*found->report;
}

// The newest configuration that any copy has seen, and who leads in fact.
void settle_configuration(ShardView& shard, const Nodes& nodes) {
  const CopyReport* newest = nullptr;
  const CopyReport* leader = nullptr;
  for (const Control::NodeView& node : nodes) {
    const CopyReport* const copy = report_of(node, shard.shard);
    if (!copy) continue;
    shard.epoch = std::max(shard.epoch, copy->epoch);
    shard.directory = copy->directory;
    if (!newest || copy->config_version > newest->config_version) newest = copy;
    if (copy->open && (!leader || copy->epoch > leader->epoch)) {
      leader = copy;
      shard.primary = node.known.node;
    }
  }
  shard.open = leader != nullptr;
  shard.min_isr = newest->min_isr;
  shard.replicas = newest->replicas;
  shard.isr = newest->isr;
  if (!leader) shard.primary = newest->primary;
  // Copies that no configuration was seen of are still there to look at.
  for (const Control::NodeView& node : nodes)
    if (report_of(node, shard.shard) &&
        std::ranges::find(shard.replicas, node.known.node) == shard.replicas.end())
      shard.replicas.push_back(node.known.node);
}

void add_copies(ShardView& shard, const Nodes& nodes) {
  for (const NodeId id : shard.replicas) {
    CopyView& copy = shard.copies.emplace_back();
    copy.node = id;
    copy.in_sync = std::ranges::find(shard.isr, id) != shard.isr.end();
    const auto node =
        std::ranges::find(nodes, id, [](const Control::NodeView& view) { return view.known.node; });
    if (node == nodes.end()) {
      copy.no_report = "the node is not known";
    } else if (const CopyReport* const report = report_of(*node, shard.shard)) {
      copy.report = *report;
      // Another disk on the same node is another copy.
      copy.in_sync = copy.in_sync && (report->in_sync || report->config_version == 0);
    } else {
      copy.no_report = node->report ? "the node has no such copy" : node->no_answer;
    }
  }
}

void compare(ShardView& shard) {
  const CopyReport* const leader = shard.open ? report_of(shard, shard.primary) : nullptr;
  const CopyReport* reference = leader;
  for (const CopyView& copy : shard.copies)
    if (!leader && copy.report && (!reference || copy.report->applied > reference->applied))
      reference = &*copy.report;
  for (CopyView& copy : shard.copies) {
    if (leader && copy.node == shard.primary) {
      copy.lag_bytes = 0;
      copy.lag = Micros{0};
    } else if (leader) {
      const auto peer = std::ranges::find(leader->peers, copy.node, &PeerReport::node);
      if (peer != leader->peers.end() && peer->lag_bytes) {
        copy.lag_bytes = peer->lag_bytes;
        copy.lag = peer->lag;
      }
    }
    if (!copy.report) continue;
    if (copy.report->applied != reference->applied)
      copy.digest = CopyView::Digest::kNotComparable;
    else
      copy.digest = copy.report->digest == reference->digest ? CopyView::Digest::kSame
                                                             : CopyView::Digest::kDiffers;
  }
}

void find_problems(ShardView& shard) {
  const auto problem = [&](const std::string& text) {
    shard.problems.push_back("shard " + to_string(shard.shard) + ": " + text);
  };
  if (!shard.open && shard.primary == NodeId{0})
    problem("has no primary");
  else if (!shard.open)
    problem("its primary, node " + to_string(shard.primary) + ", takes no changes");
  const auto in_sync = std::ranges::count_if(shard.copies, &CopyView::in_sync);
  if (static_cast<std::size_t>(in_sync) < shard.replicas.size()) {
    std::string missing;
    for (const CopyView& copy : shard.copies)
      if (!copy.in_sync) missing += (missing.empty() ? "" : ", ") + to_string(copy.node);
    problem(std::to_string(in_sync) + " of " + std::to_string(shard.replicas.size()) +
            " copies in sync, missing: node " + missing);
  }
  for (const CopyView& copy : shard.copies) {
    if (copy.report && copy.report->failed)
      problem("the copy on node " + to_string(copy.node) + " has failed");
    if (copy.digest == CopyView::Digest::kDiffers)
      problem("the copy on node " + to_string(copy.node) + " differs from the others at LSN " +
              to_string(copy.report->applied));
  }
}

}  // namespace

std::string_view to_string(CopyView::Digest digest) {
  switch (digest) {
    case CopyView::Digest::kUnknown:
      return "unknown";
    case CopyView::Digest::kSame:
      return "same";
    case CopyView::Digest::kDiffers:
      return "differs";
    case CopyView::Digest::kNotComparable:
      return "not comparable yet";
  }
  return "?";
}

ClusterView cluster_view(std::vector<Control::NodeView> nodes) {
  ClusterView view;
  view.nodes = std::move(nodes);
  std::vector<ShardId> ids;
  for (const Control::NodeView& node : view.nodes) {
    if (!node.report) {
      view.problems.push_back("node " + to_string(node.known.node) +
                              ": no answer: " + node.no_answer);
      continue;
    }
    for (const CopyReport& copy : node.report->copies) ids.push_back(copy.shard);
  }
  std::ranges::sort(ids);
  const auto repeated = std::ranges::unique(ids);
  ids.erase(repeated.begin(), repeated.end());
  for (const ShardId id : ids) {
    ShardView& shard = view.shards.emplace_back();
    shard.shard = id;
    settle_configuration(shard, view.nodes);
    add_copies(shard, view.nodes);
    compare(shard);
    find_problems(shard);
    view.problems.insert(view.problems.end(), shard.problems.begin(), shard.problems.end());
  }
  return view;
}

}  // namespace everpost::cluster
