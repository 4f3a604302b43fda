// What must be true of the whole cluster, whoever does what: the invariants and properties of
// docs/hazards.md, judged from outside. Knows the protocol's promises, not how it keeps them.
#pragma once

#include <map>
#include <set>
#include <unordered_map>
#include <vector>

#include "cluster/replication/state.h"
#include "tests/simulation/disk.h"
#include "tests/simulation/mail.h"

namespace everpost::simulation {

// One copy, as the checker sees it.
struct CopyView {
  NodeId node;
  const Disk* disk = nullptr;
  const State* core = nullptr;  // null: its process is down
  bool suspect = false;         // is, or will be when it starts again
};

class Checker {
 public:
  // ---- after each step of a replica
  void stepped(const CopyView& copy);
  // I2: the primary in force asks everyone who could take over from it.
  static void check_primary(const ShardConfig& config, const CopyView& copy);
  // I11: what is acknowledged would survive a loss of power now.
  static void acknowledges(const CopyView& copy, Lsn durable);
  // I3: whoever may take over without asking holds all that was ever committed.
  void check_candidates(const ShardConfig& config, const std::vector<CopyView>& copies) const;

  // ---- the state machine
  void applied(NodeId node, Lsn lsn, const storage::StateDigest& digest);  // P11
  void placed(const storage::AddedMessage& message, const Guid& guid);     // P5

  // ---- clients
  // What a client may rely on at this moment: the newest state that anybody was shown.
  Lsn shown() const { return shown_; }
  // An operation is answered; `applied` is that of the node which answers.
  void answered(const OpId& op, Lsn lsn, Lsn end, Lsn applied, bool repeated, Lsn shown_at_start);
  // A read is answered from the state at `applied`.
  void read(Lsn applied, const storage::StateDigest& digest, Lsn shown_at_start);

  // ---- at the end: all copies that are in sync are one
  void check_end(const std::vector<const MailState*>& states,
                 const std::map<Guid, std::size_t>& wanted);

  Lsn committed() const { return oracle_.empty() ? Lsn{0} : oracle_.back().end; }
  std::size_t epochs() const { return primaries_.size(); }

 private:
  struct Entry {
    Lsn lsn, end;
    std::uint32_t crc;
    LogRecordPtr record;
  };
  const Entry* entry_ending_at(Lsn end) const;
  const Entry* entry_at(Lsn lsn) const;

  std::vector<Entry> oracle_;                                    // all that was ever committed
  std::map<NodeId, std::pair<std::uint64_t, Lsn>> seen_commit_;  // by node: incarnation, commit
  std::map<Epoch, std::pair<NodeId, Incarnation>> primaries_;
  std::map<Lsn, storage::StateDigest> digests_;
  std::map<std::tuple<MailboxId, UidValidity, Uid>, Guid> names_;
  Lsn shown_;
};

}  // namespace everpost::simulation
