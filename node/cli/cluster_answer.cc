#include "node/cli/cluster_answer.h"

#include "node/cli/table.h"

namespace everpost::cli {
namespace {

constexpr std::chrono::seconds kDeadline{15};
constexpr std::size_t kDigestShown = 12;

std::string number_text(const json::object& object, std::string_view name) {
  return object.if_contains(name) ? std::to_string(number(object, name)) : "-";
}
std::string size_or_dash(const json::object& object, std::string_view name) {
  return object.if_contains(name) ? size_text(number(object, name)) : "-";
}
std::string or_dash(std::string text) { return text.empty() ? "-" : text; }

}  // namespace

std::optional<json::object> ask_for_cluster(const Cli& cli, int& exit_code) {
  return cli.ask(exit_code, "GET", "/v1/cluster", {}, kDeadline);
}

std::vector<json::object> list(const json::object& object, std::string_view name) {
  std::vector<json::object> all;
  const json::value* const value = object.if_contains(name);
  if (!value || !value->is_array()) return all;
  for (const json::value& one : value->get_array())
    if (one.is_object()) all.push_back(one.get_object());
  return all;
}

std::string numbers_text(const json::object& object, std::string_view name) {
  std::string text;
  const json::value* const value = object.if_contains(name);
  if (!value || !value->is_array()) return text;
  for (const json::value& one : value->get_array())
    text += (text.empty() ? "" : ",") + json::serialize(one);
  return text;
}

std::string nodes_table(const json::object& cluster) {
  Table table({"NODE", "STATE", "ADDRESS", "ZONE", "RELEASE", "UP", "LEADS", "COPIES", "WHY"});
  for (const json::object& node : list(cluster, "nodes")) {
    const bool up = text(node, "state") == "up";
    table.add(
        {std::to_string(number(node, "node")), text(node, "state"), or_dash(text(node, "address")),
         or_dash(text(node, "zone")), or_dash(text(node, "release")),
         up ? duration_text(number(node, "uptime_seconds")) : "-",
         std::to_string(number(node, "leads")), number_text(node, "copies"), text(node, "why")});
  }
  return table.text();
}

std::string shards_table(const json::object& cluster) {
  Table table({"SHARD", "KIND", "STATE", "PRIMARY", "EPOCH", "IN SYNC", "PLACED ON"});
  for (const json::object& shard : list(cluster, "shards")) {
    const std::uint64_t primary = number(shard, "primary");
    table.add({std::to_string(number(shard, "shard")), text(shard, "kind"), text(shard, "state"),
               primary == 0 ? "none" : std::to_string(primary),
               std::to_string(number(shard, "epoch")), or_dash(numbers_text(shard, "in_sync")),
               numbers_text(shard, "replicas")});
  }
  return table.text();
}

std::string copies_table(const json::object& cluster, std::optional<std::uint64_t> wanted) {
  Table table({"SHARD", "NODE", "ROLE", "STATE", "SYNC", "EPOCH", "COMMIT", "LAG", "LAG MS",
               "APPLIED", "DIGEST", "COMPARED", "WHY"});
  for (const json::object& shard : list(cluster, "shards")) {
    if (wanted && number(shard, "shard") != *wanted) continue;
    for (const json::object& copy : list(shard, "copies"))
      table.add({std::to_string(number(shard, "shard")), std::to_string(number(copy, "node")),
                 or_dash(text(copy, "role")), text(copy, "state"),
                 flag(copy, "in_sync") ? "yes" : "no", number_text(copy, "epoch"),
                 number_text(copy, "commit_lsn"), size_or_dash(copy, "lag_bytes"),
                 number_text(copy, "lag_ms"), number_text(copy, "applied_lsn"),
                 or_dash(text(copy, "digest").substr(0, kDigestShown)),
                 or_dash(text(copy, "compared")), text(copy, "why")});
  }
  return table.text();
}

}  // namespace everpost::cli
