// One replica's folder: log, index and meta of a shard, opened, recovered, applied to and closed
// together. cluster/ decides what is committed; this applies it.
//
//   shard-0007/meta      identity of the copy, epoch, clean-stop mark (docs/formats/meta.md)
//   shard-0007/durable   a lower bound of what is on stable storage
//   shard-0007/applying  which records were being applied last
//   shard-0007/log/      segments
//   shard-0007/index/    LevelDB
//   shard-0007/gc        how far garbage collection has come (garbage.h)
//   shard-0007/scrub, scrub_index  how far the checks have come (scrub.h)
//   shard-0007/lock      held by the process that has the replica open
//
// Threads: append/sync of the log belong to the log's writer; apply(), checkpoint() and close() to
// the applier; readers may be made from any thread.
#pragma once

#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "storage/env/env.h"
#include "storage/log/log.h"
#include "storage/machine/directory_command.h"
#include "storage/machine/directory_reader.h"
#include "storage/machine/mail_command.h"
#include "storage/machine/mail_reader.h"
#include "storage/replica/checkpoint_mark.h"
#include "storage/replica/garbage.h"
#include "storage/replica/meta.h"
#include "storage/replica/scrub.h"

namespace everpost::storage {

struct ReplicaOptions {
  std::string folder;  // <data>/shard-0007, made if missing
  Uuid cluster{};
  ShardId shard;
  ShardKind kind = ShardKind::kMail;
  std::uint64_t segment_bytes = 64 << 20;
  std::uint64_t index_cache_bytes = 32 << 20;
  Uuid boot{};  // of the machine's present boot; zero: ask the kernel
  // How long the bytes of a deleted message stay in the log, by the log's time.
  Micros undelete_window = std::chrono::hours{24};
  Micros scrub_log_every = std::chrono::hours{24 * 7};
  Micros scrub_index_every = std::chrono::hours{24 * 30};
};

struct ReplicaRecovery {
  bool created = false;  // the folder was empty
  bool clean = false;    // the last stop was clean
  LogRecovery log;
  bool same_boot = false;      // the machine has not been rebooted since
  bool index_rebuilt = false;  // the index was damaged and was made anew from the log
  Lsn applied;                 // by the index when it was opened
  std::uint64_t replayed = 0;  // committed records applied since
  // Records before it have to be applied one by one: one of them killed the process, and this way
  // the next start knows which (H48).
  Lsn singly_until;
};

// What applying one record told: for the waiters of its op_id, and for watchers.
struct Applied {
  OpId op;
  Lsn lsn;
  std::variant<std::monostate, MailOutcome, DirectoryOutcome> outcome;
  std::vector<MailboxId> touched;   // mailboxes whose contents or flags changed
  std::vector<AccountId> accounts;  // accounts whose list of mailboxes changed
  bool queue_changed = false;
};

class Replica {
 public:
  // Recovers log and index (recovery.h has the steps), and applies committed records up to the
  // known commit point (the highest commit field of a valid record). An index that is damaged or
  // missing is made anew from the log. Errors: kCorrupt (nothing wrong is ever served instead),
  // kIo, kNoSpace, kBusy (another process has it), kUnsupported, kInvalidArgument (the folder is
  // another shard's).
  static Result<std::unique_ptr<Replica>> open(Env& env, ReplicaOptions options,
                                               ReplicaRecovery& recovery);
  virtual ~Replica() = default;

  virtual Log& log() = 0;
  virtual ShardId shard() const = 0;
  virtual Uuid disk() const = 0;  // identity of this copy, random at its making (D8)
  virtual Lsn applied() const = 0;
  virtual Lineage lineage() const = 0;
  virtual ReplicaReign reign() const = 0;
  // Remembers it, durably (meta). Errors: kFenced if the epoch would fall, kIo.
  virtual Result<void> set_reign(const ReplicaReign& reign) = 0;

  // Applies committed records, which must follow applied(), as one index write. Bad commands get an
  // error as their outcome; an Error from here means that this replica is broken and its process
  // has to stop (kIo; kCorrupt: the index is damaged, or its digest is not that of a
  // CHECKPOINT_MARK, and the next open() makes it anew; kUnsupported: a newer program wrote the
  // record).
  virtual Result<std::vector<Applied>> apply(std::span<const Record> records) = 0;

  // Makes the index durable up to applied() and returns that LSN.
  virtual Result<Lsn> checkpoint() = 0;
  // XOR of the hashes of all keys and values except local ones: equal on replicas at equal applied
  // LSN.
  virtual std::string digest() const = 0;
  // applied() and the digest that belongs to it, taken together (checkpoint_mark.h). Any thread.
  virtual CheckpointMark mark() const = 0;

  virtual Result<std::unique_ptr<MailReader>> mail_reader() const = 0;            // kind kMail
  virtual Result<std::unique_ptr<DirectoryReader>> directory_reader() const = 0;  // kind kDirectory

  // Gives the space of dead bodies back (garbage.h); any thread. `now`: Clock::steady. Errors as
  // there: they do not concern the replica's service, but collection should not go on.
  virtual Result<GarbageRound> collect_garbage(Micros now, const Log::Pace& pace) = 0;
  // Reads everything little by little, from one thread at a time (scrub.h).
  virtual Scrub& scrub() = 0;
  // Holds of readers and copiers. Any thread.
  virtual Pins& pins() = 0;
  // The index as it is now; Z/applied in it tells up to where. Any thread.
  virtual std::unique_ptr<IndexView> index_snapshot() const = 0;

  // Writes `durable` (not synced: any value found there is a valid lower bound; synced if it falls,
  // which it has to before the log is truncated).
  virtual void note_durable(Lsn durable) = 0;
  // Checkpoint, sync the log, mark as clean. After it nothing but the destructor may be called.
  virtual Result<void> close() = 0;
  // A line for each finding of a full check: log checksums, index checksums, digest recomputed.
  // From any thread, while the replica is in use.
  virtual Result<std::vector<std::string>> verify() = 0;
};

}  // namespace everpost::storage
