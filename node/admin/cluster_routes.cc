// /v1/cluster and /v1/shards: all nodes and all copies, from any node; switching a primary; what
// happened to a shard.
#include <algorithm>
#include <boost/json/array.hpp>
#include <charconv>

#include "cluster/control/cluster_view.h"
#include "node/admin/routes.h"

namespace everpost::node::admin {
namespace {

using cluster::ClusterView;
using cluster::Control;
using cluster::CopyView;
using cluster::ShardView;

constexpr std::size_t kEventsMax = 2000;  // of one answer

json::array numbers(const std::vector<NodeId>& nodes) {
  json::array list;
  for (const NodeId node : nodes) list.emplace_back(node.value);
  return list;
}

json::array texts(const std::vector<std::string>& lines) {
  json::array list;
  for (const std::string& line : lines) list.emplace_back(line);
  return list;
}

std::int64_t milliseconds(Micros time) {
  return std::chrono::duration_cast<std::chrono::milliseconds>(time).count();
}

std::string state_of(const CopyView& copy) {
  using cluster::replication::Role;
  if (!copy.report) return "no answer";
  if (copy.report->failed) return "failed";
  if (copy.report->role == Role::kPrimary) return copy.report->open ? "open" : "opening";
  if (copy.report->role == Role::kCandidate) return "no primary";
  if (copy.report->suspect) return "not sure of its records";
  if (!copy.report->led) return "no primary";
  return copy.in_sync ? "in sync" : "catching up";
}

json::object to_json(const CopyView& copy) {
  json::object result;
  result["node"] = copy.node.value;
  result["state"] = state_of(copy);
  result["in_sync"] = copy.in_sync;
  if (copy.lag_bytes) result["lag_bytes"] = *copy.lag_bytes;
  if (copy.lag) result["lag_ms"] = milliseconds(*copy.lag);
  if (!copy.report) {
    result["why"] = copy.no_report;
    return result;
  }
  const cluster::CopyReport& report = *copy.report;
  result["role"] = cluster::replication::to_string(report.role);
  result["epoch"] = report.epoch.value;
  result["commit_lsn"] = report.commit.value;
  result["durable_lsn"] = report.durable.value;
  result["applied_lsn"] = report.applied.value;
  result["digest"] = report.digest;
  result["compared"] = to_string(copy.digest);
  result["disk_bytes"] = report.disk_bytes;
  return result;
}

json::object to_json(const ShardView& shard) {
  json::object result;
  result["shard"] = shard.shard.value;
  result["kind"] = shard.directory ? "directory" : "mail";
  result["state"] = !shard.open ? "down" : shard.problems.empty() ? "ok" : "degraded";
  result["primary"] = shard.primary.value;
  result["open"] = shard.open;
  result["epoch"] = shard.epoch.value;
  result["replicas"] = numbers(shard.replicas);
  json::array& in_sync = result["in_sync"].emplace_array();
  json::array copies;
  for (const CopyView& copy : shard.copies) {
    if (copy.in_sync) in_sync.emplace_back(copy.node.value);
    copies.push_back(to_json(copy));
  }
  result["min_isr"] = shard.min_isr;
  result["problems"] = texts(shard.problems);
  result["copies"] = std::move(copies);
  return result;
}

json::object to_json(const Control::NodeView& node, const ClusterView& view) {
  json::object result;
  result["node"] = node.known.node.value;
  result["address"] = node.known.address;
  result["zone"] = node.known.zone;
  result["release"] = node.report ? node.report->release : node.known.release;
  result["state"] = node.report ? "up" : "no answer";
  if (!node.report) result["why"] = node.no_answer;
  result["live"] = node.known.live;
  if (node.report) {
    result["uptime_seconds"] = milliseconds(node.report->up) / 1000;
    result["copies"] = node.report->copies.size();
  }
  result["leads"] = std::ranges::count_if(view.shards, [&](const ShardView& shard) {
    return shard.open && shard.primary == node.known.node;
  });
  return result;
}

Result<ShardId> shard_named(const std::string& name) {
  std::uint32_t id = 0;
  const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), id);
  if (error != std::errc{} || end != name.data() + name.size())
    return Error{ErrorCode::kInvalidArgument, "\"" + name + "\" is no number of a shard"};
  return ShardId{id};
}

Result<std::int64_t> number_of(const Call& call, const char* name, std::int64_t otherwise) {
  const auto found = call.query.find(name);
  if (found == call.query.end()) return otherwise;
  const std::string& text = found->second;
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size() || value < 0)
    return Error{ErrorCode::kInvalidArgument, std::string(name) + " is no number"};
  return value;
}

std::string to_precise_text(WallTime time) {
  std::string text = to_text(time);
  char fraction[16];
  std::snprintf(fraction, sizeof fraction, ".%06dZ",
                static_cast<int>(std::abs(time.micros % 1'000'000)));
  if (text.ends_with('Z')) text.pop_back();
  return text + fraction;
}

}  // namespace

asio::awaitable<Answer> show_cluster(Context& context, Call) {
  CO_ASSIGN_OR_RETURN(auto nodes, co_await context.node.control().look());
  const ClusterView view = cluster::cluster_view(std::move(nodes));
  json::object result;
  result["status"] = view.problems.empty() ? "ok" : "degraded";
  result["asked"] = context.services.config.id.value;
  result["problems"] = texts(view.problems);
  json::array& list = result["nodes"].emplace_array();
  for (const Control::NodeView& node : view.nodes) list.push_back(to_json(node, view));
  json::array shards;
  for (const ShardView& shard : view.shards) shards.push_back(to_json(shard));
  result["shards"] = std::move(shards);
  co_return result;
}

asio::awaitable<Answer> switch_shard(Context& context, Call call) {
  CO_ASSIGN_OR_RETURN(const ShardId shard, shard_named(call.names[0]));
  const Fields fields(call.body);
  CO_CHECK(fields.only({"to"}));
  CO_ASSIGN_OR_RETURN(const auto to, fields.maybe_number("to"));
  if (to && (*to == 0 || *to > UINT32_MAX))
    co_return Error{ErrorCode::kInvalidArgument, "to: is no number of a node"};
  std::optional<NodeId> target;
  if (to) target = NodeId{static_cast<std::uint32_t>(*to)};
  const auto switched = co_await context.node.control().switch_primary(shard, target, call.actor);
  if (!switched && (switched.error().code == ErrorCode::kConflict ||
                    switched.error().code == ErrorCode::kInvalidArgument))
    co_return Refusal{switched.error(),
                      "choose a node whose copy is in sync: everpost copies "
                      "--shard " +
                          to_string(shard)};
  if (!switched) co_return switched.error();
  json::object result;
  result["shard"] = shard.value;
  result["from"] = switched->from.value;
  result["to"] = switched->to.value;
  result["pause_ms"] = static_cast<double>(switched->pause.count()) / 1000;
  co_return result;
}

asio::awaitable<Answer> list_events(Context& context, Call call) {
  CO_ASSIGN_OR_RETURN(const ShardId shard, shard_named(call.names[0]));
  CO_ASSIGN_OR_RETURN(const std::int64_t since, number_of(call, "since", 0));
  CO_ASSIGN_OR_RETURN(const std::int64_t wanted, number_of(call, "limit", 200));
  const std::size_t limit =
      std::clamp<std::size_t>(static_cast<std::size_t>(wanted), 1, kEventsMax);
  CO_ASSIGN_OR_RETURN(const auto nodes,
                      co_await context.node.control().events(shard, WallTime{since},
                                                             static_cast<std::uint32_t>(limit)));
  struct Event {
    NodeId node;
    const cluster::JournalEntry* entry;
    std::size_t place;  // of one time, they stay in the order of their node
  };
  std::vector<Event> events;
  json::object result;
  json::array no_answer;
  for (const Control::NodeEvents& node : nodes) {
    for (const cluster::JournalEntry& entry : node.events)
      events.push_back({node.node, &entry, events.size()});
    if (!node.no_answer.empty())
      no_answer.push_back({{"node", node.node.value}, {"why", node.no_answer}});
  }
  std::ranges::sort(events, {},
                    [](const Event& event) { return std::pair(event.entry->time, event.place); });
  if (events.size() > limit) events.erase(events.begin(), events.end() - static_cast<long>(limit));
  result["shard"] = shard.value;
  json::array& list = result["events"].emplace_array();
  for (const Event& event : events)
    list.push_back({{"time", to_precise_text(event.entry->time)},
                    {"node", event.node.value},
                    {"epoch", event.entry->epoch.value},
                    {"alarm", event.entry->alarm},
                    {"what", event.entry->what},
                    {"why", event.entry->why}});
  result["no_answer"] = std::move(no_answer);
  co_return result;
}

}  // namespace everpost::node::admin
