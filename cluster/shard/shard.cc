#include "cluster/shard/shard.h"

#include <array>

#include "base/log.h"
#include "base/random.h"

namespace everpost::cluster {
namespace {

constexpr std::chrono::milliseconds kJournalPatience{200};

std::string name(ShardId shard) { return "shard " + to_string(shard); }

}  // namespace

Shard::Shard(Options options, std::unique_ptr<storage::Replica> replica)
    : options_(std::move(options)), replica_(std::move(replica)) {}

Shard::~Shard() {
  // Without stop() the replica is left as a crash leaves it; the threads must end all the same.
  if (driver_) driver_->stop();
  if (applier_) applier_->stop();
}

Result<std::unique_ptr<Shard>> Shard::open(const Options& options,
                                           storage::ReplicaRecovery& recovery) {
  auto replica = storage::Replica::open(*options.env, options.replica, recovery);
  if (!replica) return in_context(name(options.replica.shard), replica.error());
  std::unique_ptr<Shard> shard(new Shard(options, *std::move(replica)));
  options.time->saw(WallTime{recovery.log.last_time.micros + 1});
  if (auto checked = shard->check_configuration(); !checked)
    return in_context(name(options.replica.shard), checked.error());
  shard->start(recovery);
  if (options.messenger) return shard;
  if (auto opened = shard->driver_->wait_until_open(kDeadline); !opened)
    return in_context(name(options.replica.shard), opened.error());
  return shard;
}

Result<void> Shard::check_configuration() {
  const CopyId self{options_.node, replica_->disk()};
  const auto found = options_.coordinator->get_now(id());
  // Without the coordinator a copy may follow, and finds out about the rest later.
  if (!found && found.error().code == ErrorCode::kUnavailable && options_.messenger) return {};
  if (!found) return found.error();
  ShardConfig config = found->config;
  if (found->version == 1 && config.isr.empty()) {
    // A new shard: its first copy is on the first node of those that are to have one.
    if (options_.messenger && (config.replicas.empty() || config.replicas.front() != self.node))
      return {};
    config.isr = {self};
    if (!options_.messenger) config.replicas = {self.node};
    config.nonce = {self.node, Incarnation{random_u64()}, 1};
    RETURN_IF_ERROR(options_.coordinator->compare_and_set_now(id(), found->version, config));
    return {};
  }
  // In a cluster the others have what this copy lacks: the core sees to all the rest.
  if (options_.messenger) return {};
  if (!config.in_isr(self))
    // D8: a wiped or restored folder is another copy, and this one is not in sync with anything.
    return Error{
        ErrorCode::kFenced,
        "this folder is not the copy that the coordinator knows (disk " + hex(replica_->disk()) +
            "). It was wiped, or restored from elsewhere: put the original folder back, or "
            "restore the whole data folder from one backup"};
  if (replica_->reign().epoch > config.epoch)
    return Error{ErrorCode::kFenced,
                 "the copy has seen epoch " + to_string(replica_->reign().epoch) +
                     ", the coordinator is only at " + to_string(config.epoch) +
                     ": the coordinator's files are older than the copy. Restore the whole data "
                     "folder from one backup"};
  return {};
}

void Shard::start(const storage::ReplicaRecovery& recovery) {
  marked_ = replica_->log().end();
  applier_ = std::make_unique<Applier>(
      *replica_, watchers_, recovery.singly_until, [this](Lsn lsn) { driver_->applied(lsn); },
      [this](const Error& error) {
        driver_->fail(error);
        on_failure(error);
      });
  Driver::Options options;
  options.node = options_.node;
  options.cluster = options_.replica.cluster;
  options.replica = replica_.get();
  options.coordinator = options_.coordinator;
  options.messenger = options_.messenger;
  options.time = options_.time;
  options.waiting_bytes = options_.waiting_bytes;
  options.journal = options_.journal;
  options.group_bytes = replica_->log().group_bytes_max();
  options.recovered = recovery.log;
  driver_ = std::make_unique<Driver>(
      options, Driver::Callbacks{.committed =
                                     [this](std::vector<CommittedRecord> records) {
                                       applier_->add(std::move(records));
                                     },
                                 .wait_for_room = [this] { applier_->wait_for_room(); },
                                 .failed = [this](const Error& error) { on_failure(error); }});
  driver_->start();
}

void Shard::on_failure(const Error& error) {
  if (failed_.exchange(true)) return;
  log::error("shard failed", {{"shard", id()}, {"error", to_string(error)}});
  if (options_.journal) {
    options_.journal->add(id(),
                          {system_clock().wall(), Epoch{}, true, "copy failed", to_string(error)});
    options_.journal->flush(kJournalPatience);  // the process is about to end
  }
  if (options_.failed) options_.failed(id(), error);
}

// Answers `handler` on its own executor, from any thread, once.
template <class T, class Handler>
std::shared_ptr<WaiterFor<T>> Shard::make_waiter(Handler handler) {
  auto waiter = std::make_shared<WaiterFor<T>>(answer_to<Result<T>>(std::move(handler)),
                                               std::chrono::steady_clock::now() + kDeadline);
  const std::scoped_lock lock(deadlines_mutex_);
  deadlines_.push_back(waiter);
  return waiter;
}

Task<Committed> Shard::propose(storage::NewRecord record) {
  co_return co_await asio::async_initiate<const asio::use_awaitable_t<>, void(Result<Committed>)>(
      [this](auto handler, storage::NewRecord record) {
        auto waiter = make_waiter<Committed>(std::move(handler));
        if (applier_->crowded())
          return waiter->fail(
              Error{ErrorCode::kBusy, "too many changes are waiting for the shard's index"});
        driver_->propose({std::move(record), std::move(waiter)});
      },
      asio::use_awaitable, std::move(record));
}

Task<void> Shard::confirm_read() {
  // Nobody else can have taken over a group of one.
  if (!options_.messenger) co_return Result<void>{};
  const Result<Lsn> confirmed =
      co_await asio::async_initiate<const asio::use_awaitable_t<>, void(Result<Lsn>)>(
          [this](auto handler) { driver_->read(make_waiter<Lsn>(std::move(handler))); },
          asio::use_awaitable);
  if (!confirmed) co_return confirmed.error();
  co_return Result<void>{};
}

void Shard::sweep(std::chrono::steady_clock::time_point now) {
  driver_->tick();
  std::vector<std::shared_ptr<Waiting>> late;
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
    waiter->fail(Error{ErrorCode::kTimeout, name(id()) + " did not answer in " +
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
  status.standing = driver_->standing();
  status.epoch = status.standing.epoch;
  status.begin = replica_->log().begin();
  status.end = replica_->log().end();
  status.durable = replica_->log().durable();
  const storage::CheckpointMark mark = replica_->mark();
  status.applied = mark.applied;
  status.digest = to_string(mark.digest);
  status.log = replica_->log().stats();
  status.groups = driver_->stats();
  status.apply = applier_->stats();
  status.failed = failed_;
  return status;
}

Result<void> Shard::stop() {
  driver_->stop();
  applier_->stop();
  if (failed_) return Error{ErrorCode::kIo, name(id()) + " has failed and was not closed cleanly"};
  return replica_->close();
}

}  // namespace everpost::cluster
