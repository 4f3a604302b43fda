#include "cluster/shard/driver.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/random.h"

namespace everpost::cluster {
namespace {

using namespace replication;

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

}  // namespace

LogContents contents_of(const storage::Log& log, Lsn commit) {
  const storage::Log::Tail tail = log.tail();
  LogContents contents;
  contents.begin = log.begin();
  contents.end = {tail.end, tail.crc};
  for (const storage::Log::EpochBegin& begin : log.epochs())
    contents.table.push_back({begin.epoch, {begin.at, begin.crc}});
  contents.commit = std::min(commit, tail.end);
  contents.last_time = tail.time;
  return contents;
}

namespace {

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
  event.log = contents_of(log, options.recovered.last_commit);
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
      chronicle_(options.journal, options.replica->shard()),
      handed_over_(options.replica->applied()),
      thread_([this] { run(); }) {
  link_->driver = this;
}

Driver::~Driver() { stop(); }

Now Driver::now() const { return {system_clock().steady(), options_.time->now()}; }

void Driver::start() {
  watch_ = options_.coordinator->watch(
      shard(), {.changed =
                    [this] {
                      const std::scoped_lock lock(mutex_);
                      if (!stopping_ && !failure_) read_config();
                    },
                .reachable = [this](bool up) { tell(CoordinatorState{up}); }});
  tell(started(options_));
}

Result<void> Driver::wait_until_open(std::chrono::seconds limit) {
  std::unique_lock lock(mutex_);
  const auto end = std::chrono::steady_clock::now() + limit;
  while (!leads_ && !failure_) {
    if (std::chrono::steady_clock::now() >= end)
      return Error{ErrorCode::kTimeout, "not open after " + std::to_string(limit.count()) +
                                            " s; it is " + std::string(to_string(core_.role)) +
                                            " in epoch " + to_string(core_.meta.epoch) + trouble_};
    changed_.wait_for(lock, std::chrono::milliseconds{20});
    if (!leads_ && !failure_) happen(Tick{});
  }
  if (failure_) return *failure_;
  return {};
}

std::optional<NodeId> Driver::primary() const {
  const std::scoped_lock lock(mutex_);
  return known_primary();
}

std::optional<NodeId> Driver::known_primary() const {
  // A primary that speaks is newer than what the coordinator said last.
  if (core_.role != Role::kPrimary && core_.following.primary && !core_.following.lost)
    return core_.following.primary->node;
  if (core_.config && core_.config->primary != NodeId{0}) return core_.config->primary;
  return std::nullopt;
}

Driver::Standing Driver::standing() const {
  const std::scoped_lock lock(mutex_);
  Standing standing;
  standing.role = core_.role;
  standing.epoch = core_.meta.epoch;
  standing.open = leads_;
  standing.suspect = core_.meta.suspect;
  standing.in_sync = core_.in_isr();
  standing.led =
      leads_ || (core_.role != Role::kPrimary && core_.following.primary && !core_.following.lost);
  standing.config = core_.config;
  standing.config_version = core_.config_version;
  standing.seeding = core_.seeding;
  standing.commit = core_.commit;
  standing.primary = known_primary();
  if (core_.role != Role::kPrimary) return standing;
  const Micros now = system_clock().steady();
  for (const auto& [node, peer] : core_.primacy.peers) {
    const Lsn durable = std::max(peer.match, peer.acked);
    Standing::Peer& shown = standing.peers.emplace_back();
    shown.node = node;
    shown.streaming = peer.state == Peer::State::kStreaming;
    shown.durable = durable;
    shown.applied = peer.applied;
    shown.silent = now - peer.heard;
    if (durable == Lsn{}) continue;
    shown.lag_bytes = core_.commit > durable ? core_.commit - durable : 0;
    shown.lag = commit_times_.behind(durable, now);
  }
  return standing;
}

Driver::Stats Driver::stats() const {
  const std::scoped_lock lock(mutex_);
  Stats stats = stats_;
  stats.waiting = waiting_.size() + parked_.size();
  stats.happened = chronicle_.counts();
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

void Driver::read(std::shared_ptr<ReadWaiter> waiter) {
  std::unique_lock lock(mutex_);
  if (stopping_ || failure_) {
    Error error = failure_.value_or(Error{ErrorCode::kUnavailable, "the shard is stopping"});
    lock.unlock();
    return waiter->fail(std::move(error));
  }
  const RequestId request{++requests_};
  reads_.emplace(request.value, std::move(waiter));
  happen(Read{request, Lsn{}});
}

void Driver::receive(Message message) {
  const std::scoped_lock lock(mutex_);
  if (!stopping_) happen(Received{std::move(message)});
}

void Driver::lost(NodeId peer) {
  const std::scoped_lock lock(mutex_);
  if (!stopping_) happen(PeerLost{peer});
}

Result<void> Driver::may_transfer(NodeId target) const {
  const std::string node = "node " + to_string(target);
  if (stopping_ || !leads_)
    return Error{ErrorCode::kNotPrimary, "this node does not lead the shard"};
  if (!core_.config->in_replicas(target))
    return Error{ErrorCode::kInvalidArgument, node + " is to have no copy of the shard"};
  if (!core_.config->in_isr(target))
    return Error{ErrorCode::kConflict, "the copy on " + node + " is not in sync"};
  const auto found = core_.primacy.peers.find(target);
  if (found == core_.primacy.peers.end() || found->second.state != Peer::State::kStreaming)
    return Error{ErrorCode::kUnavailable, "the copy on " + node + " does not follow just now"};
  if (!found->second.coordinator_up)
    return Error{ErrorCode::kUnavailable, node + " does not reach the coordinator"};
  if (core_.primacy.transfer)
    return Error{ErrorCode::kBusy, "the shard is being handed over to node " +
                                       to_string(core_.primacy.transfer->target)};
  return {};
}

Result<void> Driver::transfer(NodeId target) {
  const std::scoped_lock lock(mutex_);
  if (leads_ && target == options_.node) return {};
  RETURN_IF_ERROR(may_transfer(target));
  happen(TransferTo{target});
  return {};
}

void Driver::mend(Mending mending) {
  ErrorCode refused{};
  {
    const std::scoped_lock lock(mutex_);
    const bool over = stopping_ || failure_;
    if (!over && mendings_ < kMendingsMax) {
      ++mendings_;
      return queue(std::move(mending));
    }
    refused = over ? ErrorCode::kUnavailable : ErrorCode::kBusy;
  }
  mending.done(Error{refused, "the shard's log has no time to be mended"});
}

bool Driver::seed(bool on) {
  const std::scoped_lock lock(mutex_);
  if (stopping_ || failure_) return false;
  happen(Seeding{on});
  return core_.seeding;
}

void Driver::applied(Lsn lsn) {
  const std::scoped_lock lock(mutex_);
  happen(Applied{lsn});
  answer_reads();
}

void Driver::fail(const Error& error) {
  const std::scoped_lock lock(mutex_);
  break_down(error);
}

void Driver::tick() {
  const std::scoped_lock lock(mutex_);
  if (!stopping_ && next_wake(core_) <= system_clock().steady()) happen(Tick{});
}

void Driver::stop() {
  {
    const std::scoped_lock lock(mutex_);
    stopping_ = true;
    if (options_.messenger && !failure_) happen(Stop{});  // its last words: others take over now
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
  const Now at = now();
  step(core_, at, event, effects_);
  if (core_.role != Role::kPrimary)
    commit_times_.clear();
  else if (core_.commit != commit_times_.last())
    commit_times_.note(core_.commit, at.steady);
  chronicle_.look(core_, event, at.steady);
  if (std::holds_alternative<DiskFailed>(event))
    chronicle_.note(log::Level::kError, "disk failed", failure_ ? failure_->context : "");
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

void Driver::refuse(Change change, Error error) {
  release(change.bytes);
  change.waiter->fail(std::move(error));
}

Error Driver::moved() const {
  if (failure_) return *failure_;
  return {options_.messenger ? ErrorCode::kNotPrimary : ErrorCode::kUnavailable,
          "this node does not lead the shard now"};
}

// Those whose state is applied by now.
void Driver::answer_reads() {
  const auto end = confirmed_reads_.upper_bound(core_.applied);
  for (auto read = confirmed_reads_.begin(); read != end; ++read) read->second->answer(read->first);
  confirmed_reads_.erase(confirmed_reads_.begin(), end);
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
    Error error = effect.why == Refused::Why::kBusy
                      ? Error{ErrorCode::kBusy, "too many operations are waiting for the shard"}
                      : moved();
    if (auto read = reads_.extract(effect.request.value))
      read.mapped()->fail(std::move(error));
    else if (auto parked = parked_.extract(effect.request.value))
      refuse(std::move(parked.mapped()), std::move(error));
  } else if constexpr (std::is_same_v<Effect, MayRead>) {
    if (auto read = reads_.extract(effect.request.value))
      confirmed_reads_.emplace(effect.at_least, std::move(read.mapped()));
    answer_reads();
  } else if constexpr (std::is_same_v<Effect, Opened>) {
    leads_ = true;
    changed_.notify_all();
    chronicle_.note(log::Level::kInfo, "shard opened", "leads, and takes changes");
  } else if constexpr (std::is_same_v<Effect, Closed>) {
    leads_ = false;
    chronicle_.note(log::Level::kWarning, "shard closed", effect.why);
    while (!waiting_.empty() && waiting_.back().lsn >= effect.from) {
      refuse(std::move(waiting_.back()), moved());
      waiting_.pop_back();
    }
  } else if constexpr (std::is_same_v<Effect, Note>) {
    chronicle_.note(effect.alarm ? log::Level::kError : log::Level::kInfo, effect.text, {},
                    effect.peer);
  } else if constexpr (std::is_same_v<Effect, Fail>) {
    chronicle_.note(log::Level::kError, "copy must not be used any more", to_string(effect.why));
    if (!failure_) failure_ = Error{ErrorCode::kFenced, std::string(to_string(effect.why))};
    wake_.notify_all();
    changed_.notify_all();
  } else {
    static_assert(std::is_same_v<Effect, Send>);
    if (options_.messenger) options_.messenger->send(effect.to, shard(), effect.message);
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

}  // namespace everpost::cluster
