#include "node/runtime/shard_metrics.h"

#include <algorithm>

namespace everpost::node {

namespace {

void add_cluster_metrics(const cluster::ShardStatus& shard, MetricFamilies& to) {
  const std::string id = to_string(shard.shard);
  const cluster::Driver::Standing& standing = shard.standing;
  const auto gauge = [&](const char* name, const char* help, double value) {
    to.gauge(name, help, value, {{"shard", id}});
  };
  const auto counter = [&](const char* name, const char* help, std::uint64_t value) {
    to.counter(name, help, static_cast<double>(value), {{"shard", id}});
  };
  to.gauge("everpost_shard_role", "1 for the role that the copy has", 1,
           {{"shard", id}, {"role", std::string(cluster::replication::to_string(standing.role))}});
  gauge("everpost_shard_open", "1 where the shard is led and takes changes", standing.open);
  gauge("everpost_shard_has_primary", "1 if the copy leads, or hears its primary", standing.led);
  std::size_t in_sync = 0, wanted = 0;
  if (standing.config) {
    in_sync = standing.config->isr.size();
    wanted = standing.config->replicas.size();
  }
  gauge("everpost_shard_in_sync_copies", "In-sync copies", static_cast<double>(in_sync));
  gauge("everpost_shard_copies_wanted", "Copies that the placement wants",
        static_cast<double>(wanted));
  counter("everpost_shard_takeovers_total", "Times that the copy became primary",
          shard.groups.happened.takeovers);
  counter("everpost_shard_transfers_total", "Times that it handed over on purpose",
          shard.groups.happened.transfers);
  counter("everpost_shard_events_total", "Events in its journal", shard.groups.happened.events);
  for (const auto& peer : standing.peers) {
    const std::string node = to_string(peer.node);
    to.gauge("everpost_shard_peer_streaming", "1 if the copy on that node follows", peer.streaming,
             {{"shard", id}, {"peer", node}});
    if (!peer.lag_bytes) continue;
    to.gauge("everpost_shard_lag_bytes", "Committed, and not durable on that node",
             static_cast<double>(*peer.lag_bytes), {{"shard", id}, {"peer", node}});
    to.gauge("everpost_shard_lag_seconds", "For how long",
             static_cast<double>(peer.lag.count()) / 1e6, {{"shard", id}, {"peer", node}});
  }
}

}  // namespace

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
    const auto repairs = [&](const char* kind, const char* outcome, std::uint64_t value) {
      to.counter("everpost_repairs_total", "Damaged parts that were put right from another copy",
                 static_cast<double>(value),
                 {{"shard", to_string(shard.shard)}, {"kind", kind}, {"outcome", outcome}});
    };
    repairs("body", "mended", shard.repairs.bodies);
    repairs("body", "served", shard.repairs.served);
    repairs("records", "mended", shard.repairs.records);
    repairs("any", "failed", shard.repairs.failed);
    gauge("everpost_shard_seeding", "1 while the copy is made anew from another one",
          shard.seeding.has_value());
    if (shard.seeding) {
      gauge("everpost_shard_seed_bytes", "Of it done", shard.seeding->done);
      gauge("everpost_shard_seed_total_bytes", "Of it all", shard.seeding->total);
    }
    counter("everpost_shard_checkpoints_total", "Checkpoints of the index",
            shard.apply.checkpoints);
    gauge("everpost_gc_waiting_bytes", "Deleted mail whose space is not given back yet",
          shard.space.waiting_bytes);
    gauge("everpost_gc_failed", "1 when space is not given back any more",
          shard.space.collection_failed);
    counter("everpost_gc_punched_bytes_total", "Space of deleted mail given back",
            shard.space.punched_bytes);
    counter("everpost_gc_punches_total", "Holes made for it", shard.space.punches);
    counter("everpost_scrub_bytes_total", "Read to find rot", shard.scrub.bytes);
    counter("everpost_scrub_log_passes_total", "Times the whole log was read",
            shard.scrub.log_passes);
    counter("everpost_scrub_index_passes_total", "Times the whole index was read",
            shard.scrub.index_passes);
    counter("everpost_scrub_findings_total", "Damage found", shard.scrub.findings);
    gauge("everpost_scrub_failed", "1 when nothing is read any more", shard.scrub.failed);
    counter("everpost_gc_rounds_total", "Rounds of garbage collection", shard.space.rounds);
    add_cluster_metrics(shard, to);
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
