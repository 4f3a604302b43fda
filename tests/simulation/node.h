// One machine of the cluster: the replication core, and around it what the daemon's driver is
// (disk, index, timers, connections), with everything that can happen to a machine.
#pragma once

#include <map>
#include <optional>
#include <vector>

#include "cluster/replication/step.h"
#include "tests/simulation/checker.h"
#include "tests/simulation/disk.h"
#include "tests/simulation/mail.h"
#include "tests/simulation/timeline.h"

namespace everpost::simulation {

class Cluster;

// What a client asks a node, and hears back.
struct Call {
  std::uint32_t client = 0;
  std::uint64_t attempt = 0;
  friend bool operator==(const Call&, const Call&) = default;
};
struct Reply {
  enum class Kind : std::uint8_t { kDone, kRead, kRefused, kRetry };
  Kind kind{};
  std::optional<storage::MailOutcome> outcome;  // kDone
  Lsn end;                                      // kDone: of the record that was waited for
  Lsn applied;                                  // of the node when it answered
  storage::StateDigest digest;                  // kRead
};

class Node {
 public:
  Node(Cluster& cluster, std::uint32_t index);

  NodeId id() const { return id_; }
  const State* core() const { return core_ ? &*core_ : nullptr; }
  const Disk& disk() const { return *disk_; }
  Disk& disk() { return *disk_; }
  const MailState& mail() const { return mail_; }
  bool is_up() const { return core_.has_value(); }
  bool has_power() const { return power_; }
  bool is_suspect() const {
    return !power_ || disk_->meta().suspect || (core_ && core_->meta.suspect);
  }
  std::uint64_t life() const { return life_; }
  CopyId copy() const { return {id_, disk_->id()}; }
  CopyView view() const { return {id_, disk_.get(), core(), is_suspect()}; }

  // Something happens to the process of this life; to a later one it does not.
  void happen(std::uint64_t life, Event event);
  void happen(Event event) { happen(life_, std::move(event)); }
  void propose(const Call& call, storage::NewRecord record);
  void read(const Call& call, Lsn at_least);

  void start();
  void crash();
  void lose_power(std::size_t lie);
  void wipe();  // while it is down
  void stop();  // cleanly
  void pause(Micros time);
  void freeze(Micros time);
  void set_slow_disk(Micros until, Micros sync) { slow_until_ = until, slow_sync_ = sync; }
  void fail_next_sync() { fail_sync_ = true; }
  void drop_a_command() { skip_next_ = true; }

 private:
  Now now() const;
  void step(const Event& event);
  void carry_out(Effect effect);
  void schedule_wake();
  void end_process();

  void on(Send effect);
  void on(Persist effect);
  void on(Truncate effect);
  void on(SaveMeta effect);
  void on(ReadLog effect);
  void on(Mend effect);
  void on(Cas effect);
  void on(ReadConfig);
  void on(VerifyConfig effect);
  void on(Commit effect);
  void on(Accepted effect);
  void on(Refused effect);
  void on(MayRead effect);
  void on(Opened effect);
  void on(Closed effect);
  void on(Note effect);
  void on(Fail effect);

  Micros sync_time();
  void apply();
  void apply(const LogRecord& record);
  void answer(RequestId request, Reply reply);
  void answer_reads();

  Cluster& cluster_;
  const NodeId id_;
  const double clock_rate_;
  Micros clock_behind_{};  // by freezes
  std::unique_ptr<Disk> disk_;
  MailState mail_;
  std::optional<State> core_;
  std::uint64_t life_ = 0;
  bool power_ = true;

  Micros standing_until_{};  // paused or frozen
  std::vector<Event> waiting_;
  Micros wake_ = Micros::max();
  Micros slow_until_{}, slow_sync_{};
  bool fail_sync_ = false, skip_next_ = false;

  std::uint64_t requests_ = 0;
  std::map<RequestId, Call> calls_;
  std::map<Lsn, RequestId> waiters_;  // by the record's LSN
  std::vector<std::pair<RequestId, Lsn>> reads_;
  bool applying_ = false;
  std::vector<Effect> effects_;
};

}  // namespace everpost::simulation
