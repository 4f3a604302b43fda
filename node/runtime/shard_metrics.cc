#include "node/runtime/shard_metrics.h"

#include <algorithm>

namespace everpost::node {

void add_shard_metrics(const std::vector<cluster::ShardStatus>& shards, MetricFamilies& to) {
  for (const cluster::ShardStatus& shard : shards) {
    const MetricFamilies::Labels labels = {{"shard", to_string(shard.shard)}};
    const auto gauge = [&](const char* name, const char* help, std::uint64_t value) {
      to.gauge(name, help, static_cast<double>(value), labels);
    };
    const auto counter = [&](const char* name, const char* help, std::uint64_t value) {
      to.counter(name, help, static_cast<double>(value), labels);
    };
    gauge("everpost_shard_failed", "1 after a disk error", shard.failed);
    gauge("everpost_shard_epoch", "Epoch of the primary", shard.epoch.value);
    gauge("everpost_shard_leads", "1 while this node leads the shard", shard.standing.open);
    if (const auto& config = shard.standing.config; config && !config->replicas.empty()) {
      gauge("everpost_shard_preferred_node", "The node that is to lead it",
            config->replicas.front().value);
      if (shard.standing.open)
        gauge("everpost_shard_copies_missing", "Copies that are not in sync",
              config->replicas.size() - std::min(config->replicas.size(), config->isr.size()));
    }
    gauge("everpost_shard_log_begin_lsn", "Where the kept log begins", shard.begin.value);
    gauge("everpost_shard_committed_lsn", "Commit point", shard.standing.commit.value);
    gauge("everpost_shard_applied_lsn", "Applied to the index", shard.applied.value);
    gauge("everpost_shard_log_bytes", "Disk space of the log", shard.log.disk_bytes);
    gauge("everpost_shard_log_segments", "Segments of the log", shard.log.segments);
    counter("everpost_shard_appended_bytes_total", "Bytes appended to the log",
            shard.log.appended_bytes);
    counter("everpost_shard_syncs_total", "fdatasync calls on the log", shard.log.syncs);
    counter("everpost_shard_groups_total", "Group commits", shard.groups.groups);
    counter("everpost_shard_group_records_total", "Records in group commits", shard.groups.records);
    to.counter("everpost_shard_sync_seconds_total", "Time in fdatasync",
               static_cast<double>(shard.groups.sync_micros) / 1e6, labels);
    gauge("everpost_shard_commits_waiting", "Records that wait for their group",
          shard.groups.waiting);
    counter("everpost_shard_applied_records_total", "Records applied", shard.apply.records);
    counter("everpost_shard_apply_batches_total", "Index writes", shard.apply.batches);
    to.counter("everpost_shard_apply_seconds_total", "Time spent applying",
               static_cast<double>(shard.apply.apply_micros) / 1e6, labels);
    gauge("everpost_shard_apply_backlog", "Committed records that are not applied yet",
          shard.apply.backlog);
    counter("everpost_shard_checkpoints_total", "Checkpoints of the index",
            shard.apply.checkpoints);
  }
}

void add_space_metrics(const cluster::DiskSpace::Status& space, MetricFamilies& to) {
  to.gauge("everpost_disk_bytes", "Size of the data folder's file system",
           static_cast<double>(space.total_bytes));
  to.gauge("everpost_disk_free_bytes", "Of it free", static_cast<double>(space.free_bytes));
  to.gauge("everpost_disk_mark_bytes", "New mail is refused when less is free",
           static_cast<double>(space.mark_bytes));
  to.gauge("everpost_disk_low", "1 while new mail is refused for want of space", space.low);
  to.counter("everpost_disk_refused_total", "Changes refused for want of space",
             static_cast<double>(space.refused));
}

}  // namespace everpost::node
