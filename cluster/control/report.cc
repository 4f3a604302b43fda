#include "cluster/control/report.h"

namespace everpost::cluster {

CopyReport report_of(const ShardStatus& status) {
  const Driver::Standing& standing = status.standing;
  CopyReport report;
  report.shard = status.shard;
  report.directory = status.kind == storage::ShardKind::kDirectory;
  report.role = standing.role;
  report.epoch = standing.epoch;
  report.open = standing.open && !status.failed;
  report.led = standing.led;
  report.in_sync = standing.in_sync;
  report.suspect = standing.suspect;
  report.failed = status.failed || standing.role == replication::Role::kFailed;
  report.begin = status.begin;
  report.end = status.end;
  report.durable = status.durable;
  report.commit = standing.commit;
  report.applied = status.applied;
  report.digest = status.digest;
  report.disk_bytes = status.log.disk_bytes;
  if (standing.config) {
    report.config_version = standing.config_version;
    report.primary = standing.config->primary;
    report.replicas = standing.config->replicas;
    for (const CopyId& copy : standing.config->isr) report.isr.push_back(copy.node);
    report.min_isr = standing.config->min_isr;
  }
  for (const Driver::Standing::Peer& peer : standing.peers)
    report.peers.push_back({peer.node, peer.streaming, peer.durable, peer.applied, peer.silent,
                            peer.lag_bytes, peer.lag});
  return report;
}

}  // namespace everpost::cluster
