// /v1/status and /v1/verify: how the node and its copies of the shards are.
#include <boost/json/array.hpp>

#include "base/log.h"
#include "node/admin/routes.h"

namespace everpost::node::admin {
namespace {

json::object to_json(const cluster::ShardStatus& shard) {
  json::object result;
  result["shard"] = shard.shard.value;
  result["kind"] = shard.kind == storage::ShardKind::kDirectory ? "directory" : "mail";
  const cluster::Driver::Standing& standing = shard.standing;
  result["role"] = cluster::replication::to_string(standing.role);
  result["state"] = shard.failed    ? "failed"
                    : standing.open ? "open"
                    : standing.led  ? "follows"
                                    : "no primary";
  result["epoch"] = shard.epoch.value;
  result["begin_lsn"] = shard.begin.value;
  result["end_lsn"] = shard.end.value;
  result["durable_lsn"] = shard.durable.value;
  result["applied_lsn"] = shard.applied.value;
  result["digest"] = shard.digest;
  result["segments"] = shard.log.segments;
  result["disk_bytes"] = shard.log.disk_bytes;
  result["records_since_start"] = shard.log.records;
  result["bytes_since_start"] = shard.log.appended_bytes;
  result["syncs_since_start"] = shard.log.syncs;
  result["waiting"] = shard.groups.waiting;
  result["backlog"] = shard.apply.backlog;
  return result;
}

}  // namespace

asio::awaitable<Answer> show_status(Context& context, Call) {
  const WallTime now = context.services.clock.wall();
  const Config& config = context.services.config;
  json::object result;
  json::object& node = result["node"].emplace_object();
  node["id"] = config.id.value;
  node["hostname"] = config.hostname;
  node["version"] = EVERPOST_VERSION;
  node["started"] = to_text(context.started);
  node["uptime_seconds"] =
      std::max<std::int64_t>(0, (now.micros - context.started.micros) / 1'000'000);
  json::array& shards = result["shards"].emplace_array();
  bool failed = false;
  // Not on an I/O thread: a shard may be asked while it writes.
  const auto all = co_await run_on(context.pool.get_executor(),
                                   [&cluster = context.node] { return cluster.status(); });
  for (const cluster::ShardStatus& shard : all) {
    failed = failed || shard.failed;
    shards.push_back(to_json(shard));
  }
  result["status"] = failed ? "failed" : "ok";
  co_return result;
}

asio::awaitable<Answer> verify(Context& context, Call call) {
  if (context.verifying)
    co_return Refusal{{ErrorCode::kBusy, "a verification is running already"},
                      "wait for its end; it reads everything once"};
  context.verifying = true;
  log::info("verification started", {{"actor", call.actor}});
  const auto findings = co_await run_on(context.pool.get_executor(),
                                        [&cluster = context.node] { return cluster.verify(); });
  context.verifying = false;
  if (!findings) co_return in_context("verify", findings.error());
  log::info("verification ended", {{"findings", findings->size()}});
  json::object result;
  json::array& list = result["findings"].emplace_array();
  for (const std::string& finding : *findings) list.emplace_back(finding);
  co_return result;
}

}  // namespace everpost::node::admin
