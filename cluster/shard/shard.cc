#include "cluster/shard/shard.h"

#include <array>
#include <future>

#include "base/log.h"
#include "base/random.h"

namespace everpost::cluster {
namespace {

constexpr std::chrono::milliseconds kJournalPatience{200};

std::string name(ShardId shard) { return "shard " + to_string(shard); }

}  // namespace

Shard::~Shard() {
  // Without stop() the replica is left as a crash leaves it; the threads must end all the same.
  for (const auto& parts : all_parts_) {
    parts->driver->stop();
    parts->applier->stop();
  }
}

Result<std::unique_ptr<Shard>> Shard::open(const Options& options,
                                           storage::ReplicaRecovery& recovery) {
  auto replica = storage::Replica::open(*options.env, options.replica, recovery);
  if (!replica) return in_context(name(options.replica.shard), replica.error());
  std::unique_ptr<Shard> shard(new Shard(options));
  if (auto started = shard->start(*std::move(replica), recovery); !started)
    return in_context(name(options.replica.shard), started.error());
  // Whether it is to be made from another copy is found out before the log is sent to it.
  if (options.copies && recovery.created) (void)shard->begin_seeding();
  if (options.messenger) return shard;
  if (auto opened = shard->parts().driver->wait_until_open(kDeadline); !opened)
    return in_context(name(options.replica.shard), opened.error());
  return shard;
}

Result<void> Shard::check_configuration(const storage::Replica& replica) {
  const CopyId self{options_.node, replica.disk()};
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
        "this folder is not the copy that the coordinator knows (disk " + hex(replica.disk()) +
            "). It was wiped, or restored from elsewhere: put the original folder back, or "
            "restore the whole data folder from one backup"};
  if (replica.reign().epoch > config.epoch)
    return Error{ErrorCode::kFenced,
                 "the copy has seen epoch " + to_string(replica.reign().epoch) +
                     ", the coordinator is only at " + to_string(config.epoch) +
                     ": the coordinator's files are older than the copy. Restore the whole data "
                     "folder from one backup"};
  return {};
}

Result<void> Shard::start(std::unique_ptr<storage::Replica> replica,
                          const storage::ReplicaRecovery& recovery) {
  options_.time->saw(WallTime{recovery.log.last_time.micros + 1});
  RETURN_IF_ERROR(check_configuration(*replica));
  auto made = std::make_unique<Parts>();
  Parts* const parts = made.get();
  parts->replica = std::move(replica);
  marked_ = parts->replica->log().end();
  parts->applier = std::make_unique<Applier>(
      *parts->replica, watchers_, recovery.singly_until,
      [parts](Lsn lsn) { parts->driver->applied(lsn); },
      [this, parts](const Error& error) {
        parts->driver->fail(error);
        on_failure(error);
      });
  Driver::Options options;
  options.node = options_.node;
  options.cluster = options_.replica.cluster;
  options.replica = parts->replica.get();
  options.coordinator = options_.coordinator;
  options.messenger = options_.messenger;
  options.time = options_.time;
  options.waiting_bytes = options_.waiting_bytes;
  options.journal = options_.journal;
  options.group_bytes = parts->replica->log().group_bytes_max();
  options.recovered = recovery.log;
  Driver::Callbacks callbacks;
  callbacks.committed = [parts](std::vector<CommittedRecord> records) {
    parts->applier->add(std::move(records));
  };
  callbacks.wait_for_room = [parts] { parts->applier->wait_for_room(); };
  callbacks.failed = [this](const Error& error) { on_failure(error); };
  callbacks.damaged = [this] {
    if (options_.copies) options_.copies->damaged(id());
  };
  parts->driver = std::make_unique<Driver>(options, std::move(callbacks));
  all_parts_.push_back(std::move(made));
  parts_ = parts;
  parts->driver->start();
  return {};
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
        if (parts().applier->crowded())
          return waiter->fail(
              Error{ErrorCode::kBusy, "too many changes are waiting for the shard's index"});
        parts().driver->propose({std::move(record), std::move(waiter)});
      },
      asio::use_awaitable, std::move(record));
}

Task<void> Shard::confirm_read() {
  // Nobody else can have taken over a group of one.
  if (!options_.messenger) co_return Result<void>{};
  const Result<Lsn> confirmed =
      co_await asio::async_initiate<const asio::use_awaitable_t<>, void(Result<Lsn>)>(
          [this](auto handler) { parts().driver->read(make_waiter<Lsn>(std::move(handler))); },
          asio::use_awaitable);
  if (!confirmed) co_return confirmed.error();
  co_return Result<void>{};
}

void Shard::sweep(std::chrono::steady_clock::time_point now) {
  tick();
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
  if (!parts().applier->idle() || replica().applied() == marked_.load()) co_return Result<void>{};
  storage::NewRecord record;
  record.type = storage::RecordType::kCheckpointMark;
  record.meta = storage::encode(replica().mark());
  record.time = options_.time->now();
  record.seal();
  CO_ASSIGN_OR_RETURN(const Committed done, co_await propose(std::move(record)));
  marked_ = done.header.end();
  co_return Result<void>{};
}

ShardStatus Shard::status() const {
  const Parts& parts = this->parts();
  storage::Replica& replica = *parts.replica;
  ShardStatus status;
  status.shard = id();
  status.kind = options_.replica.kind;
  status.standing = parts.driver->standing();
  status.epoch = status.standing.epoch;
  status.begin = replica.log().begin();
  status.end = replica.log().end();
  status.durable = replica.log().durable();
  const storage::CheckpointMark mark = replica.mark();
  status.applied = mark.applied;
  status.digest = to_string(mark.digest);
  status.log = replica.log().stats();
  status.groups = parts.driver->stats();
  status.apply = parts.applier->stats();
  status.failed = failed_;
  status.repairs = {bodies_mended_, records_mended_, not_mended_, served_};
  const std::scoped_lock lock(seeding_mutex_);
  status.seeding = seeding_;
  return status;
}

Result<void> Shard::stop() {
  Parts& parts = this->parts();
  parts.driver->stop();
  parts.applier->stop();
  if (failed_) return Error{ErrorCode::kIo, name(id()) + " has failed and was not closed cleanly"};
  return parts.replica->close();
}

// ---- this copy and the others

Result<std::string> Shard::read(const storage::Extent& extent) {
  auto bytes = replica().log().read(extent);
  if (bytes || !options_.copies) return bytes;
  const ErrorCode code = bytes.error().code;
  if (code != ErrorCode::kCorrupt && code != ErrorCode::kIo) return bytes;
  log::error("a part of a message is damaged here: reading it from another copy",
             {{"shard", id()}, {"lsn", extent.at}, {"error", to_string(bytes.error())}});
  auto fetched = options_.copies->fetch(id(), extent);
  if (!fetched) {
    ++not_mended_;
    return in_context(bytes.error().context + "; and elsewhere", std::move(fetched).error());
  }
  ++served_;
  // Nobody waits for it.
  parts().driver->mend({extent.at, *fetched, [this](const Result<void>& done) {
                          ++(done ? bodies_mended_ : not_mended_);
                        }});
  return fetched;
}

Result<void> Shard::mend(Damage kind, Lsn at, std::string bytes) {
  const auto promise = std::make_shared<std::promise<Result<void>>>();
  auto mended = promise->get_future();
  parts().driver->mend(
      {at, std::move(bytes), [promise](const Result<void>& done) { promise->set_value(done); }});
  const Result<void> done =
      mended.wait_for(kDeadline) == std::future_status::ready
          ? mended.get()
          : Error{ErrorCode::kTimeout, name(id()) + ": the log's disk does not answer"};
  ++(!done ? not_mended_ : kind == Damage::kBody ? bodies_mended_ : records_mended_);
  return done;
}

bool Shard::begin_seeding() { return parts().driver->seed(true); }

void Shard::end_seeding() {
  (void)parts().driver->seed(false);
  set_seed_progress(std::nullopt);
}

void Shard::set_seed_progress(std::optional<SeedProgress> progress) {
  const std::scoped_lock lock(seeding_mutex_);
  seeding_ = progress;
}

Result<void> Shard::replace(const std::function<Result<void>()>& swap) {
  Parts& old = parts();
  // It may have been taken into the ISR meanwhile.
  if (!old.driver->seed(true))
    return Error{ErrorCode::kFenced, name(id()) + ": this copy is in sync again"};
  old.driver->stop();
  old.applier->stop();
  const auto go_on = [&]() -> Result<void> {
    RETURN_IF_ERROR(swap());
    storage::ReplicaRecovery recovery;
    ASSIGN_OR_RETURN(auto replica,
                     storage::Replica::open(*options_.env, options_.replica, recovery));
    return start(std::move(replica), recovery);
  };
  const auto done = go_on();
  if (!done) on_failure(done.error());  // nothing runs here any more: the next start goes on
  return done;
}

}  // namespace everpost::cluster
