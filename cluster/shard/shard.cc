#include "cluster/shard/shard.h"

#include <array>

#include "base/log.h"
#include "cluster/replication/epoch_start.h"

namespace everpost::cluster {
namespace {

constexpr std::uint64_t kTailBatchBytes = 4 << 20;

std::string name(ShardId shard) { return "shard " + to_string(shard); }

}  // namespace

Shard::Shard(Options options, std::unique_ptr<storage::Replica> replica)
    : options_(std::move(options)), replica_(std::move(replica)) {}

Shard::~Shard() {
  // Without stop() the replica is left as a crash leaves it; the threads must end all the same.
  if (commits_) commits_->stop();
  if (applier_) applier_->stop();
}

Result<std::unique_ptr<Shard>> Shard::open(const Options& options,
                                           storage::ReplicaRecovery& recovery) {
  auto replica = storage::Replica::open(*options.env, options.replica, recovery);
  if (!replica) return in_context(name(options.replica.shard), replica.error());
  std::unique_ptr<Shard> shard(new Shard(options, *std::move(replica)));
  options.time->saw(WallTime{recovery.log.last_time.micros + 1});
  const WallTime now = options.time->now();
  if (auto taken = shard->take_over(now, recovery.singly_until); !taken)
    return in_context(name(options.replica.shard), taken.error());
  shard->start(now);
  return shard;
}

Result<void> Shard::take_over(WallTime now, Lsn singly_until) {
  const CopyId self{options_.node, replica_->disk()};
  ASSIGN_OR_RETURN(const Versioned current, options_.coordinator->get(id()));
  ShardConfig next = current.config;
  if (current.version == 1 && current.config.isr.empty()) {
    next.isr = {self};  // a new shard: its first copy
  } else if (std::ranges::find(current.config.isr, self) == current.config.isr.end()) {
    // D8: a wiped or restored folder is another copy, and this one is not in sync with anything.
    return Error{
        ErrorCode::kFenced,
        "this folder is not the copy that the coordinator knows (disk " + hex(replica_->disk()) +
            "). It was wiped, or restored from elsewhere: put the original folder back, or "
            "restore the whole data folder from one backup"};
  }
  if (replica_->epoch() > current.config.epoch)
    return Error{ErrorCode::kFenced,
                 "the copy has seen epoch " + to_string(replica_->epoch()) +
                     ", the coordinator is only at " + to_string(current.config.epoch) +
                     ": the coordinator's files are older than the copy. Restore the whole data "
                     "folder from one backup"};
  next.epoch = Epoch{current.config.epoch.value + 1};
  next.primary = options_.node;
  ASSIGN_OR_RETURN(const std::uint64_t version,
                   options_.coordinator->compare_and_set(id(), current.version, next));
  RETURN_IF_ERROR(replica_->set_epoch(next.epoch));
  epoch_ = next.epoch;

  storage::Log& log = replica_->log();
  RETURN_IF_ERROR(log.roll(epoch_));
  storage::NewRecord start;
  start.type = storage::RecordType::kEpochStart;
  start.meta = encode(EpochStart{epoch_, options_.node, version, 1});
  start.time = now;
  start.seal();
  // All of the log is durable on every in-sync replica, this one: committed. The record says so, so
  // that the next start can replay it one by one, should one of them kill the process (H48).
  RETURN_IF_ERROR(log.append(epoch_, log.durable(), std::span(&start, 1)));
  ASSIGN_OR_RETURN(const Lsn durable, log.sync());
  replica_->note_durable(durable);
  return apply_tail(singly_until);
}

// Every record in the log is durable on every in-sync replica, this one: committed.
Result<void> Shard::apply_tail(Lsn singly_until) {
  std::vector<storage::Record> batch;
  std::uint64_t bytes = 0;
  const auto flush = [&]() -> Result<void> {
    if (batch.empty()) return {};
    RETURN_IF_ERROR(replica_->apply(batch));
    batch.clear();
    bytes = 0;
    return {};
  };
  RETURN_IF_ERROR(replica_->log().scan(replica_->applied(), replica_->log().end(),
                                       [&](const storage::Record& record) -> Result<bool> {
                                         batch.push_back(record);
                                         bytes += record.meta.size() + record.body.size();
                                         if (bytes >= kTailBatchBytes ||
                                             record.header.lsn < singly_until)
                                           RETURN_IF_ERROR(flush());
                                         return true;
                                       }));
  return flush();
}

void Shard::start(WallTime last_time) {
  marked_ = replica_->log().end();
  applier_ = std::make_unique<Applier>(*replica_, watchers_,
                                       [this](const Error& error) { on_failure(error); });
  commits_ = std::make_unique<GroupCommit>(
      replica_->log(), epoch_, last_time, *options_.waiting_bytes,
      GroupCommit::Callbacks{.committed =
                                 [this](Lsn durable, std::vector<CommittedRecord> records) {
                                   // The hint comes second: nothing waits for it.
                                   applier_->add(std::move(records));
                                   replica_->note_durable(durable);
                                 },
                             .failed = [this](const Error& error) { on_failure(error); }});
}

void Shard::on_failure(const Error& error) {
  if (failed_.exchange(true)) return;
  log::error("shard failed", {{"shard", id()}, {"error", to_string(error)}});
  if (options_.failed) options_.failed(id(), error);
}

Task<Committed> Shard::propose(storage::NewRecord record) {
  co_return co_await asio::async_initiate<const asio::use_awaitable_t<>, void(Result<Committed>)>(
      [this](auto handler, storage::NewRecord record) {
        auto home = asio::get_associated_executor(handler);
        auto done = [handler = std::move(handler), home,
                     busy = asio::prefer(home, asio::execution::outstanding_work.tracked)](
                        Result<Committed> result) mutable {
          asio::post(home, [handler = std::move(handler), result = std::move(result)]() mutable {
            handler(std::move(result));
          });
        };
        auto waiter =
            std::make_shared<Waiter>(std::move(done), std::chrono::steady_clock::now() + kDeadline);
        {
          const std::scoped_lock lock(deadlines_mutex_);
          deadlines_.push_back(waiter);
        }
        commits_->propose({std::move(record), std::move(waiter)});
      },
      asio::use_awaitable, std::move(record));
}

void Shard::sweep(std::chrono::steady_clock::time_point now) {
  std::vector<std::shared_ptr<Waiter>> late;
  {
    const std::scoped_lock lock(deadlines_mutex_);
    while (!deadlines_.empty()) {
      const auto waiter = deadlines_.front().lock();
      if (waiter && !waiter->answered()) {
        if (waiter->deadline() > now) break;
        late.push_back(waiter);
      }
      deadlines_.pop_front();
    }
  }
  if (late.empty()) return;
  log::warning("operations took too long", {{"shard", id()}, {"count", late.size()}});
  for (const auto& waiter : late)
    waiter->answer(Error{ErrorCode::kTimeout, name(id()) + " did not answer in " +
                                                  std::to_string(kDeadline.count()) + " s"});
}

Task<void> Shard::mark_checkpoint() {
  if (!applier_->idle() || replica_->applied() == marked_) co_return Result<void>{};
  storage::NewRecord record;
  record.type = storage::RecordType::kCheckpointMark;
  record.meta = storage::encode(replica_->mark());
  record.time = options_.time->now();
  record.seal();
  CO_ASSIGN_OR_RETURN(const Committed done, co_await propose(std::move(record)));
  marked_ = done.header.end();
  co_return Result<void>{};
}

ShardStatus Shard::status() const {
  ShardStatus status;
  status.shard = replica_->shard();
  status.kind = options_.replica.kind;
  status.epoch = epoch_;
  status.begin = replica_->log().begin();
  status.end = replica_->log().end();
  status.durable = replica_->log().durable();
  status.applied = replica_->applied();
  status.digest = replica_->digest();
  status.log = replica_->log().stats();
  status.groups = commits_->stats();
  status.apply = applier_->stats();
  status.failed = failed_;
  return status;
}

Result<void> Shard::stop() {
  commits_->stop();
  applier_->stop();
  if (failed_) return Error{ErrorCode::kIo, name(id()) + " has failed and was not closed cleanly"};
  return replica_->close();
}

}  // namespace everpost::cluster
