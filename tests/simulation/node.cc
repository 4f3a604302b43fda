#include "tests/simulation/node.h"

#include <fmt/format.h>

#include "tests/simulation/cluster.h"
#include "tests/simulation/describe.h"

namespace everpost::simulation {

using std::chrono::milliseconds;

Node::Node(Cluster& cluster, std::uint32_t index)
    : cluster_(cluster),
      id_(NodeId{index + 1}),
      clock_rate_(1.0 + (cluster.rng().unit() * 2 - 1) * cluster.plan().clock_drift),
      disk_(std::make_unique<Disk>(cluster.new_disk_id(), cluster.rng())) {}

Now Node::now() const {
  const Micros steady = cluster_.now() - clock_behind_;
  const auto rated = static_cast<std::int64_t>(static_cast<double>(steady.count()) * clock_rate_);
  // Wall clocks differ by hours; nothing may depend on it.
  const std::int64_t wall = kWallStart + cluster_.now().count() + id_.value * 3'000'000'000;
  return {Micros{rated}, WallTime{wall}};
}

void Node::start() {
  if (core_) return;
  power_ = true;
  ++life_;
  wake_ = Micros::max();
  Disk::Recovered found = disk_->recover();
  if (planted(Bug::kForgetOps)) mail_.forget_operations();
  // As storage::Replica::open does: what is known to be committed is applied.
  for (std::size_t i = *disk_->find(mail_.applied()); i < disk_->records().size(); ++i) {
    const LogRecord& record = *disk_->records()[i];
    const bool hole = found.log.hole && record.header.lsn >= found.log.hole->from.lsn;
    if (record.header.end() > found.log.commit || hole) break;
    apply(record);
  }
  Identity self;
  self.shard = ShardId{1};
  self.copy = copy();
  self.incarnation = Incarnation{(std::uint64_t{id_.value} << 32) | life_};
  core_.emplace(make_state(self, Settings{}));
  cluster_.trace_line(id_, [&] {
    return fmt::format("starts: log to {}, committed {}, epoch {}{}", found.log.end.lsn.value,
                       found.log.commit.value, found.meta.epoch.value,
                       found.meta.suspect ? ", SUSPECT" : "");
  });
  happen(CoordinatorState{cluster_.coordinator().reachable(id_)});
  happen(Started{found.meta, std::move(found.log), mail_.applied()});
}

void Node::end_process() {
  core_.reset();
  waiting_.clear();
  standing_until_ = Micros{};
  // Whoever waits hears nothing more; the client's timeout is for that.
  calls_.clear();
  waiters_.clear();
  reads_.clear();
  applying_ = false;
  fail_sync_ = false;
}

void Node::crash() {
  if (!core_) return;
  cluster_.trace_line(id_, [] { return std::string("crashes"); });
  end_process();
  disk_->crash_process();
  cluster_.connections_break(id_);
  cluster_.check_candidates();
}

void Node::lose_power(std::size_t lie) {
  if (!power_) return;
  cluster_.trace_line(id_, [&] { return fmt::format("loses power, {} records lied about", lie); });
  end_process();
  power_ = false;
  disk_->lose_power(lie);
  mail_ = {};  // the index: made anew from the log
  cluster_.check_candidates();
}

void Node::wipe() {
  disk_ = std::make_unique<Disk>(cluster_.new_disk_id(), cluster_.rng());
  mail_ = {};
  cluster_.trace_line(id_, [] { return std::string("has a new, empty disk"); });
}

void Node::stop() {
  if (!core_ || standing_until_ > cluster_.now()) return;
  happen(Stop{});
  crash();
}

void Node::pause(Micros time) {
  if (core_) standing_until_ = std::max(standing_until_, cluster_.now() + time);
  cluster_.after(time, [this, life = life_] {
    if (life != life_ || !core_ || standing_until_ > cluster_.now()) return;
    std::vector<Event> events = std::exchange(waiting_, {});
    for (Event& event : events) happen(life, std::move(event));
  });
}

void Node::freeze(Micros time) {
  if (!core_ || standing_until_ > cluster_.now()) return;
  pause(time);
  clock_behind_ += time;
}

void Node::happen(std::uint64_t life, Event event) {
  if (!core_ || life != life_) return;
  if (standing_until_ > cluster_.now()) {
    waiting_.push_back(std::move(event));
    return;
  }
  step(event);
}

void Node::step(const Event& event) {
  cluster_.count_step();
  const std::uint64_t life = life_;
  std::vector<Effect> effects = std::exchange(effects_, {});
  effects.clear();
  const std::string before = cluster_.trace().on() ? state_line(*core_) : std::string();
  simulation::describe_before(cluster_, *core_, event);
  everpost::cluster::replication::step(*core_, now(), event, effects);
  simulation::describe_after(cluster_, *core_, before);
  for (Effect& effect : effects) {
    if (!core_ || life != life_) break;
    carry_out(std::move(effect));
  }
  if (core_ && life == life_) cluster_.check_step(*this);
  effects.clear();
  effects_ = std::move(effects);
  if (core_ && life == life_) schedule_wake();
}

void Node::schedule_wake() {
  const Micros local = now().steady;
  const Micros due = next_wake(*core_);
  if (due == Micros::max()) return;
  // Never at once: what is due already and did not happen waits for something else.
  const Micros wait = std::max(due - local, Micros{200});
  const auto at =
      cluster_.now() +
      Micros{static_cast<std::int64_t>(static_cast<double>(wait.count()) / clock_rate_) + 1};
  if (at >= wake_) return;
  wake_ = at;
  cluster_.at(at, [this, life = life_, at] {
    if (life != life_ || wake_ != at) return;
    wake_ = Micros::max();
    happen(life, Tick{});
  });
}

void Node::carry_out(Effect effect) {
  simulation::describe_effect(cluster_, id_, effect);
  std::visit([this](auto& done) { on(std::move(done)); }, effect);
}

void Node::on(Send effect) {
  if (const auto* const ack = std::get_if<Ack>(&effect.message.payload))
    Checker::acknowledges(view(), ack->durable);
  cluster_.send(id_, effect.to, std::move(effect.message));
}

Micros Node::sync_time() {
  Rng& rng = cluster_.rng();
  if (slow_until_ > cluster_.now()) return slow_sync_;
  if (!cluster_.is_calm() && rng.chance(cluster_.plan().slow_sync))
    return rng.time(milliseconds{1}, milliseconds{rng.chance(0.05) ? 2000 : 50});
  return rng.exponential(Micros{120}, Micros{250});
}

void Node::on(Persist effect) {
  disk_->begin_persist(effect.records);
  const Lsn end = effect.records.back()->header.end();
  cluster_.after(sync_time(), [this, life = life_, end] {
    if (life != life_ || !core_) return;
    if (std::exchange(fail_sync_, false)) {
      disk_->fail_persist();
      if (!planted(Bug::kRetrySync)) return happen(life, DiskFailed{});
    } else {
      disk_->finish_persist();
    }
    happen(life, Persisted{end});
  });
}

void Node::on(Truncate effect) {
  cluster_.after(sync_time(), [this, life = life_, at = effect.at] {
    if (life != life_ || !core_) return;
    const bool same_chain = disk_->truncate(at);
    happen(life, Truncated{same_chain, disk_->contents().last_time});
  });
}

void Node::on(SaveMeta effect) {
  disk_->begin_save(effect.meta);
  cluster_.after(sync_time(), [this, life = life_] {
    if (life != life_ || !core_) return;
    disk_->finish_save();
    happen(life, MetaSaved{});
  });
}

void Node::on(ReadLog effect) {
  cluster_.after(cluster_.rng().exponential(Micros{20}, Micros{100}), [this, life = life_, effect] {
    if (life != life_ || !core_) return;
    happen(life, LogWasRead{effect.peer, effect.purpose, effect.from,
                            disk_->read(effect.from, effect.to, effect.bytes)});
  });
}

void Node::on(Mend effect) {
  cluster_.after(sync_time(), [this, life = life_, records = std::move(effect.records)] {
    if (life != life_ || !core_) return;
    const bool ok = disk_->mend(records);
    happen(life, Mended{ok, disk_->contents()});
    apply();
  });
}

void Node::on(Cas effect) {
  cluster_.coordinator().cas(copy(), effect,
                             [this, life = life_](Event done) { happen(life, std::move(done)); });
}
void Node::on(ReadConfig) {
  cluster_.coordinator().read(id_,
                              [this, life = life_](Event seen) { happen(life, std::move(seen)); });
}
void Node::on(VerifyConfig effect) {
  cluster_.coordinator().verify(
      id_, effect, [this, life = life_](Event verified) { happen(life, std::move(verified)); });
}

void Node::on(Commit effect) {
  if (planted(Bug::kReplyBeforeApply)) {
    while (!waiters_.empty() && waiters_.begin()->first < effect.up_to) {
      const auto [lsn, request] = *waiters_.begin();
      waiters_.erase(waiters_.begin());
      storage::MailOutcome hopeful;
      hopeful.lsn = lsn;
      answer(request, {Reply::Kind::kDone, hopeful, effect.up_to, mail_.applied(), {}});
    }
  }
  if (std::exchange(applying_, true)) return;
  cluster_.after(cluster_.rng().exponential(Micros{20}, Micros{80}), [this, life = life_] {
    if (life != life_ || !core_) return;
    applying_ = false;
    apply();
  });
}

void Node::apply() {
  if (!core_) return;
  const Lsn before = mail_.applied();
  const auto first = disk_->find(before);
  require(first.has_value(), "driver", "what was applied is in the log");
  const auto& records = disk_->records();
  for (std::size_t i = *first; i < records.size(); ++i) {
    const bool hole = core_->log.hole && records[i]->header.lsn >= core_->log.hole->from.lsn;
    if (records[i]->header.end() > core_->commit_told || hole) break;
    apply(*records[i]);
  }
  if (mail_.applied() == before) return;
  answer_reads();
  happen(life_, Applied{mail_.applied()});
}

void Node::apply(const LogRecord& record) {
  if (planted(Bug::kSkipCommand) && skip_next_ && record.header.type == storage::RecordType::kTxn) {
    skip_next_ = false;
    mail_.skip(record);
    cluster_.checker().applied(id_, mail_.applied(), mail_.digest());
    return;
  }
  storage::MailApplied applied = mail_.apply(record);
  cluster_.checker().applied(id_, mail_.applied(), mail_.digest());
  const auto waiter = waiters_.find(record.header.lsn);
  if (waiter == waiters_.end()) return;
  const RequestId request = waiter->second;
  waiters_.erase(waiter);
  answer(
      request,
      {Reply::Kind::kDone, std::move(applied.outcome), record.header.end(), mail_.applied(), {}});
}

void Node::propose(const Call& call, storage::NewRecord record) {
  if (!core_) return;
  const RequestId request{++requests_};
  calls_[request] = call;
  happen(life_, Propose{request, std::move(record)});
}

void Node::read(const Call& call, Lsn at_least) {
  if (!core_) return;
  const RequestId request{++requests_};
  calls_[request] = call;
  happen(life_, Read{request, at_least});
}

void Node::answer(RequestId request, Reply reply) {
  const auto call = calls_.find(request);
  if (call == calls_.end()) return;
  cluster_.reply(call->second, std::move(reply), id_);
  calls_.erase(call);
}

void Node::on(Accepted effect) { waiters_[effect.lsn] = effect.request; }
void Node::on(Refused effect) { answer(effect.request, {Reply::Kind::kRefused, {}, {}, {}, {}}); }

void Node::on(MayRead effect) {
  reads_.emplace_back(effect.request, effect.at_least);
  answer_reads();
}

void Node::answer_reads() {
  std::erase_if(reads_, [&](const auto& read) {
    if (read.second > mail_.applied()) return false;
    answer(read.first, {Reply::Kind::kRead, {}, {}, mail_.applied(), mail_.digest()});
    return true;
  });
}

void Node::on(Opened) { cluster_.announce(id_); }

void Node::on(Closed effect) {
  for (auto waiter = waiters_.lower_bound(effect.from); waiter != waiters_.end();) {
    answer(waiter->second, {Reply::Kind::kRetry, {}, {}, {}, {}});
    waiter = waiters_.erase(waiter);
  }
  for (const auto& [request, at_least] : std::exchange(reads_, {}))
    answer(request, {Reply::Kind::kRetry, {}, {}, {}, {}});
}

void Node::on(Note) {}

void Node::on(Fail effect) {
  switch (effect.why) {
    case Fail::Why::kDisk:
      break;
    case Fail::Why::kLineage:
      break;
    case Fail::Why::kForked:
      throw Failure("I5", "a copy was to cut what is committed");
    case Fail::Why::kConfigRegression:
      throw Failure("H6", "the coordinator has gone back in time");
  }
  // The daemon ends, and its supervisor starts it again.
  cluster_.after(milliseconds{1}, [this, life = life_, why = effect.why] {
    if (life != life_ || !core_) return;
    crash();
    if (why == Fail::Why::kLineage) wipe();
    cluster_.after(milliseconds{500}, [this, life] {
      if (life == life_ && power_) start();
    });
  });
}

}  // namespace everpost::simulation
