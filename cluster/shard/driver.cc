#include "cluster/shard/driver.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/random.h"

namespace everpost::cluster {
namespace {

using namespace replication;

constexpr std::uint64_t kReadBackBytes = 4 << 20;  // handed over at once
constexpr auto kSpaceRetry = std::chrono::seconds{1};

Settings settings_of(const Driver::Options& options) {
  Settings settings;
  settings.group_bytes = options.group_bytes;
  settings.uncommitted_bytes = Driver::kWaitingBytesMax;
  return settings;
}

Identity identity_of(const Driver::Options& options) {
  Identity self;
  self.cluster = options.cluster;
  self.shard = options.replica->shard();
  self.copy = {options.node, options.replica->disk()};
  self.incarnation = Incarnation{random_u64()};
  return self;
}

Started started(const Driver::Options& options) {
  const storage::ReplicaReign reign = options.replica->reign();
  const storage::Log& log = options.replica->log();
  Started event;
  event.meta.lineage = options.replica->lineage();
  event.meta.epoch = reign.epoch;
  event.meta.config_version = reign.config_version;
  event.meta.fence_version = reign.fence_version;
  event.meta.fence_epoch = reign.fence_epoch;
  event.meta.suspect = reign.suspect;
  const storage::Log::Tail tail = log.tail();
  event.log.begin = log.begin();
  event.log.end = {tail.end, tail.crc};
  for (const storage::Log::EpochBegin& begin : log.epochs())
    event.log.table.push_back({begin.epoch, {begin.at, begin.crc}});
  event.log.commit = std::min(options.recovered.last_commit, tail.end);
  event.log.last_time = tail.time;
  event.applied = options.replica->applied();
  return event;
}

CommittedRecord committed(const LogRecordPtr& record) {
  // A copy: the record holds the message's body as well, and the index may lag.
  return {record->header, share(record->meta), nullptr};
}

}  // namespace

Driver::Driver(const Options& options, Callbacks callbacks)
    : options_(options),
      callbacks_(std::move(callbacks)),
      core_(make_state(identity_of(options), settings_of(options))),
      handed_over_(options.replica->applied()),
      thread_([this] { run(); }) {
  link_->driver = this;
}

Driver::~Driver() { stop(); }

Now Driver::now() const { return {system_clock().steady(), options_.time->now()}; }

Result<void> Driver::open(std::chrono::seconds limit) {
  watch_ = options_.coordinator->watch(
      shard(), {.changed =
                    [this] {
                      const std::scoped_lock lock(mutex_);
                      if (!stopping_ && !failure_) read_config();
                    },
                .reachable = [this](bool up) { tell(CoordinatorState{up}); }});
  std::unique_lock lock(mutex_);
  happen(started(options_));
  const auto end = std::chrono::steady_clock::now() + limit;
  while (!opened_ && !failure_) {
    if (std::chrono::steady_clock::now() >= end)
      return Error{ErrorCode::kTimeout, "not open after " + std::to_string(limit.count()) +
                                            " s; it is " + std::string(to_string(core_.role)) +
                                            " in epoch " + to_string(core_.meta.epoch) + trouble_};
    changed_.wait_for(lock, std::chrono::milliseconds{20});
    if (!opened_ && !failure_) happen(Tick{});
  }
  if (failure_) return *failure_;
  return {};
}

Epoch Driver::epoch() const {
  const std::scoped_lock lock(mutex_);
  return core_.meta.epoch;
}

Driver::Stats Driver::stats() const {
  const std::scoped_lock lock(mutex_);
  Stats stats = stats_;
  stats.waiting = waiting_.size() + parked_.size();
  return stats;
}

void Driver::propose(cluster::Proposal proposal) {
  const auto refuse = [&](ErrorCode code, const char* why) {
    proposal.waiter->answer(Error{code, why});
  };
  const storage::NewRecord& record = proposal.record;
  if (record.meta.size() > storage::kRecordMetaBytesMax ||
      record.body_bytes() > storage::kRecordBodyBytesMax ||
      proposal.bytes() + storage::kRecordHeaderBytes + 16 > options_.group_bytes)
    return refuse(ErrorCode::kTooLarge, "the record is above the limits of the log");
  const std::uint64_t bytes = proposal.bytes();
  std::unique_lock lock(mutex_);
  if (stopping_ || failure_) {
    const char* const why = failure_ ? "the shard's log has failed" : "the shard is stopping";
    lock.unlock();
    return refuse(ErrorCode::kUnavailable, why);
  }
  if (no_space_) {
    lock.unlock();
    return refuse(ErrorCode::kNoSpace, "there is no space for the shard's log");
  }
  const bool room = waiting_.size() + parked_.size() < kWaitingMax &&
                    waiting_bytes_ + bytes <= kWaitingBytesMax &&
                    options_.waiting_bytes->take(bytes);
  if (!room) {
    lock.unlock();
    return refuse(ErrorCode::kBusy, "too many changes are waiting for the shard's log");
  }
  waiting_bytes_ += bytes;
  const RequestId request{++requests_};
  parked_[request.value] = {Lsn{}, std::move(proposal.waiter), bytes};
  happen(Propose{request, std::move(proposal.record)});
}

void Driver::applied(Lsn lsn) {
  const std::scoped_lock lock(mutex_);
  happen(Applied{lsn});
}

void Driver::fail(const Error& error) {
  const std::scoped_lock lock(mutex_);
  break_down(error);
}

void Driver::tick() {
  const std::scoped_lock lock(mutex_);
  if (!stopping_) happen(Tick{});
}

void Driver::stop() {
  {
    const std::scoped_lock lock(mutex_);
    stopping_ = true;
    wake_.notify_all();
  }
  if (thread_.joinable()) thread_.join();
  watch_.reset();
  const std::scoped_lock lock(link_->mutex);
  link_->driver = nullptr;
}

// ---- under the mutex

void Driver::break_down(const Error& error) {
  if (!failure_) failure_ = error;
  happen(DiskFailed{});
  wake_.notify_all();
  changed_.notify_all();
}

void Driver::happen(const Event& event) {
  step(core_, now(), event, effects_);
  for (Effect& effect : effects_) std::visit([this](auto& one) { carry_out(one); }, effect);
  effects_.clear();
}

void Driver::queue(Job job) {
  jobs_.push_back(std::move(job));
  if (jobs_.size() == 1) wake_.notify_all();
}

void Driver::release(std::uint64_t bytes) {
  waiting_bytes_ -= bytes;
  options_.waiting_bytes->give(bytes);
}

void Driver::refuse(Waiting waiting, Error error) {
  release(waiting.bytes);
  waiting.waiter->answer(std::move(error));
}

template <class Effect>
void Driver::carry_out(Effect& effect) {
  if constexpr (std::is_same_v<Effect, Persist>) {
    uncommitted_.insert(uncommitted_.end(), effect.records.begin(), effect.records.end());
    queue(std::move(effect));
  } else if constexpr (std::is_constructible_v<Job, Effect>) {
    queue(std::move(effect));
  } else if constexpr (std::is_same_v<Effect, Cas> || std::is_same_v<Effect, VerifyConfig>) {
    ask(effect);
  } else if constexpr (std::is_same_v<Effect, ReadConfig>) {
    read_config();
  } else if constexpr (std::is_same_v<Effect, Commit>) {
    hand_over(effect.up_to);
  } else if constexpr (std::is_same_v<Effect, Accepted>) {
    auto parked = parked_.extract(effect.request.value);
    parked.mapped().lsn = effect.lsn;
    waiting_.push_back(std::move(parked.mapped()));
  } else if constexpr (std::is_same_v<Effect, Refused>) {
    auto parked = parked_.extract(effect.request.value);
    const bool busy = effect.why == Refused::Why::kBusy;
    refuse(std::move(parked.mapped()),
           busy ? Error{ErrorCode::kBusy, "too many changes are waiting for the shard's log"}
                : Error{ErrorCode::kUnavailable, "this node does not lead the shard now"});
  } else if constexpr (std::is_same_v<Effect, Opened>) {
    opened_ = true;
    changed_.notify_all();
    log::info("shard opened", {{"shard", shard()}, {"epoch", effect.epoch}});
  } else if constexpr (std::is_same_v<Effect, Closed>) {
    opened_ = false;
    log::warning("shard closed", {{"shard", shard()}, {"why", effect.why}});
    while (!waiting_.empty() && waiting_.back().lsn >= effect.from) {
      refuse(std::move(waiting_.back()),
             failure_.value_or(
                 Error{ErrorCode::kUnavailable, "the shard is led by another node now"}));
      waiting_.pop_back();
    }
  } else if constexpr (std::is_same_v<Effect, Note>) {
    if (effect.alarm)
      log::error(effect.text, {{"shard", shard()}, {"node", effect.peer}});
    else
      log::info(effect.text, {{"shard", shard()}, {"node", effect.peer}});
  } else if constexpr (std::is_same_v<Effect, Fail>) {
    if (!failure_) failure_ = Error{ErrorCode::kFenced, std::string(to_string(effect.why))};
    wake_.notify_all();
    changed_.notify_all();
  } else {
    // Other nodes are not connected yet: nobody to send to, and no reads that they confirm.
    static_assert(std::is_same_v<Effect, Send> || std::is_same_v<Effect, MayRead>);
  }
}

// Committed records go to the applier, with those who wait for them.
void Driver::hand_over(Lsn up_to) {
  if (reading_back_ || up_to <= handed_over_) return;
  if (uncommitted_.empty() || uncommitted_.front()->header.lsn != handed_over_) {
    const Lsn to = uncommitted_.empty() ? up_to : std::min(up_to, uncommitted_.front()->header.lsn);
    reading_back_ = true;
    return queue(ReadBack{handed_over_, to});
  }
  std::vector<CommittedRecord> records;
  while (!uncommitted_.empty() && uncommitted_.front()->header.end() <= up_to) {
    records.push_back(committed(uncommitted_.front()));
    uncommitted_.pop_front();
    handed_over_ = records.back().header.end();
    if (waiting_.empty() || waiting_.front().lsn != records.back().header.lsn) continue;
    release(waiting_.front().bytes);
    records.back().waiter = std::move(waiting_.front().waiter);
    waiting_.pop_front();
  }
  if (!records.empty()) callbacks_.committed(std::move(records));
}

// ---- the coordinator

template <class T, class Take>
Coordinator::Answer<T> Driver::answered(Take take) {
  return [link = link_, take = std::move(take)](Result<T> result) {
    const std::scoped_lock alive(link->mutex);
    if (link->driver == nullptr) return;
    const std::scoped_lock lock(link->driver->mutex_);
    take(*link->driver, result);
  };
}

// An embedded coordinator's files are on this node's disk, and share its fate. A value that was
// removed and made again is not to be trusted (H5). Everything else may pass, and the core asks
// again.
bool Driver::trouble(const char* what, const Error& error) {
  const bool disk = error.code == ErrorCode::kIo || error.code == ErrorCode::kCorrupt;
  if ((disk && options_.coordinator->is_on_own_disk()) || error.code == ErrorCode::kFenced) {
    break_down(error);
    return false;
  }
  log::warning(what, {{"shard", shard()}, {"error", to_string(error)}});
  trouble_ = std::string("; ") + what + ": " + to_string(error);
  return true;
}

void Driver::ask(const Cas& cas) {
  const CasDone unknown{cas.config.nonce, CasDone::Outcome::kUnknown, cas.version + 1};
  options_.coordinator->compare_and_set(
      shard(), cas.version, cas.config,
      answered<std::uint64_t>([unknown](Driver& self, const Result<std::uint64_t>& stored) {
        CasDone done = unknown;
        if (stored) {
          done.outcome = CasDone::Outcome::kStored;
          done.version = *stored;
        } else if (!self.trouble("the coordinator did not store a change", stored.error())) {
          return;
        } else if (stored.error().code == ErrorCode::kConflict) {
          done.outcome = CasDone::Outcome::kConflict;
        }
        self.happen(done);
      }));
}

void Driver::ask(const VerifyConfig& verify) {
  options_.coordinator->verify(
      shard(), verify.version, answered<bool>([verify](Driver& self, const Result<bool>& still) {
        if (!still && !self.trouble("the coordinator does not answer", still.error())) return;
        self.happen(ConfigVerified{verify.token, verify.version, still.value_or(false)});
      }));
}

// One at a time: hints may come faster than answers.
void Driver::read_config() {
  if (reading_config_) {
    read_config_again_ = true;
    return;
  }
  reading_config_ = true;
  options_.coordinator->get(shard(),
                            answered<Versioned>([](Driver& self, const Result<Versioned>& found) {
                              self.config_was_read(found);
                            }));
}

void Driver::config_was_read(const Result<Versioned>& found) {
  reading_config_ = false;
  if (found)
    happen(ConfigSeen{found->config, found->version});
  else if (!trouble("the coordinator does not answer", found.error()))
    return;
  if (std::exchange(read_config_again_, false)) read_config();
}

// ---- the thread

void Driver::tell(const Event& event) {
  const std::scoped_lock lock(mutex_);
  happen(event);
}

void Driver::run() {
  std::unique_lock lock(mutex_);
  for (;;) {
    const auto drained = [&] { return waiting_.empty() && parked_.empty(); };
    wake_.wait(lock, [&] { return failure_ || !jobs_.empty() || (stopping_ && drained()); });
    if (failure_ || (jobs_.empty() && stopping_)) break;
    Job job = std::move(jobs_.front());
    jobs_.pop_front();
    lock.unlock();
    const auto done = std::visit([this](auto& one) { return work(one); }, job);
    lock.lock();
    if (!done && done.error().code == ErrorCode::kNoSpace && stopping_) {
      // Nothing was written: the replica can be closed as it is.
      lock.unlock();
      return answer_left(done.error());
    }
    if (!done) {
      if (!failure_) failure_ = done.error();
      happen(DiskFailed{});
    }
  }
  if (!failure_) return;
  const Error error = *failure_;
  lock.unlock();
  give_up(error);
}

void Driver::give_up(const Error& error) {
  answer_left(error);
  callbacks_.failed(error);
}

// Nobody is left waiting.
void Driver::answer_left(const Error& error) {
  std::vector<Waiting> left;
  {
    const std::scoped_lock lock(mutex_);
    for (auto& [request, waiting] : std::exchange(parked_, {})) left.push_back(std::move(waiting));
    for (Waiting& waiting : std::exchange(waiting_, {})) left.push_back(std::move(waiting));
    for (const Waiting& waiting : left) release(waiting.bytes);
    changed_.notify_all();
  }
  for (const Waiting& waiting : left) waiting.waiter->answer(error);
}

// Without space for a segment nothing was written; the records have their place and wait for it.
Result<void> Driver::append(std::span<const storage::PlacedRecord> records) {
  storage::Log& log = options_.replica->log();
  for (bool told = false;;) {
    auto written = log.append_placed(records);
    std::unique_lock lock(mutex_);
    no_space_ = !written && written.error().code == ErrorCode::kNoSpace;
    if (!no_space_) return written;
    if (!std::exchange(told, true))
      log::error("no space for the log: free some, the shard goes on by itself then",
                 {{"shard", shard()}, {"error", to_string(written.error())}});
    wake_.wait_for(lock, kSpaceRetry, [this] { return stopping_ || failure_; });
    if (stopping_ || failure_) return written;
  }
}

Result<void> Driver::work(Persist& job) {
  std::vector<storage::PlacedRecord> placed;
  placed.reserve(job.records.size());
  for (const LogRecordPtr& record : job.records)
    placed.push_back({record->header, record->meta, record->body});
  RETURN_IF_ERROR(append(placed));
  const auto before = std::chrono::steady_clock::now();
  ASSIGN_OR_RETURN(const Lsn durable, options_.replica->log().sync());
  const auto spent = std::chrono::duration_cast<std::chrono::microseconds>(
      std::chrono::steady_clock::now() - before);
  {
    const std::scoped_lock lock(mutex_);
    ++stats_.groups;
    stats_.records += placed.size();
    stats_.bytes += placed.back().header.end() - placed.front().header.lsn;
    stats_.sync_micros += static_cast<std::uint64_t>(spent.count());
    happen(Persisted{durable});
  }
  // The hint comes second: nothing waits for it.
  options_.replica->note_durable(durable);
  return {};
}

Result<void> Driver::work(Truncate& job) {
  storage::Log& log = options_.replica->log();
  bool same_chain = true;
  if (job.at.lsn < log.end()) {
    ASSIGN_OR_RETURN(const storage::Record record, log.read_record(job.at.lsn));
    same_chain = record.header.prev_crc == job.at.chain;
  }
  if (same_chain) {
    options_.replica->note_durable(job.at.lsn);
    RETURN_IF_ERROR(log.truncate(job.at.lsn));
  }
  const std::scoped_lock lock(mutex_);
  while (same_chain && !uncommitted_.empty() && uncommitted_.back()->header.lsn >= job.at.lsn)
    uncommitted_.pop_back();
  happen(Truncated{same_chain, log.tail().time});
  return {};
}

Result<void> Driver::work(SaveMeta& job) {
  storage::ReplicaReign reign;
  reign.epoch = job.meta.epoch;
  reign.config_version = job.meta.config_version;
  reign.fence_version = job.meta.fence_version;
  reign.fence_epoch = job.meta.fence_epoch;
  reign.suspect = job.meta.suspect;
  RETURN_IF_ERROR(options_.replica->set_reign(reign));
  tell(MetaSaved{});
  return {};
}

Result<void> Driver::work(ReadLog& job) {
  LogWasRead read{job.peer, job.purpose, job.from, {}};
  std::uint64_t bytes = 0;
  const auto scanned = options_.replica->log().scan(
      job.from, job.to, [&](const storage::Record& record) -> Result<bool> {
        auto copy = std::make_shared<LogRecord>();
        copy->header = record.header;
        copy->meta = as_text(record.meta);
        if (!record.body.empty()) copy->body.push_back(share(std::string(as_text(record.body))));
        read.records.push_back(std::move(copy));
        bytes += record.header.end() - record.header.lsn;
        return bytes < job.bytes;
      });
  // A part that cannot be read concerns the one who asked for it only.
  if (!scanned)
    log::error("a part of the log cannot be read",
               {{"shard", shard()}, {"error", to_string(scanned.error())}});
  tell(read);
  return {};
}

Result<void> Driver::work(Mend&) {
  // The log does not open with a hole in it, so there is none to mend (docs/formats/log.md).
  return Error{ErrorCode::kUnsupported, "mending a log is not built"};
}

Result<void> Driver::work(ReadBack& job) {
  std::vector<CommittedRecord> records;
  std::uint64_t bytes = 0;
  const auto flush = [&] {
    callbacks_.wait_for_room();
    if (!records.empty()) callbacks_.committed(std::exchange(records, {}));
    bytes = 0;
  };
  RETURN_IF_ERROR(options_.replica->log().scan(
      job.from, job.to, [&](const storage::Record& record) -> Result<bool> {
        records.push_back({record.header, share(std::string(as_text(record.meta))), nullptr});
        bytes += record.meta.size() + sizeof(CommittedRecord);
        if (bytes >= kReadBackBytes) flush();
        return true;
      }));
  flush();
  const std::scoped_lock lock(mutex_);
  handed_over_ = job.to;
  reading_back_ = false;
  hand_over(core_.commit_told);
  return {};
}

}  // namespace everpost::cluster
