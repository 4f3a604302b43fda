// What a node does on the side, once a second or less: answers operations that hang, notes
// checkpoints in the logs, lets old operation results and unfinished uploads expire.
//
// Nothing expires while the clock is not to be trusted (log_time.h).
//
// A disk may hang for good. So each shard is looked after by a coroutine of its own, which has one
// change under way at most, and the deadlines are kept by one that waits for no shard at all.
//
// One thread: all of it runs on the executor of the io_context.
#pragma once

#include <deque>
#include <map>

#include "cluster/directory_store.h"
#include "cluster/log_time.h"
#include "cluster/mail_store.h"
#include "cluster/shard/shard.h"

namespace everpost::cluster {

class Housekeeping {
 public:
  static constexpr std::chrono::seconds kStopGrace{5};

  // All of them outlive the context's run().
  Housekeeping(asio::io_context& context, MailStore& mail, DirectoryStore& directory, LogTime& time,
               std::vector<Shard*> shards, std::chrono::milliseconds stop_grace = kStopGrace);

  void start();
  // Another shard to look after. On the context's thread.
  void add(Shard& shard);
  // Another coroutine of the context whose operations have deadlines, too: they are kept until it
  // has ended.
  void run(asio::awaitable<void> job);
  // Ends the above, once, on the context's thread. Operations on a shard that hangs are answered
  // after `stop_grace`; then run() of the context can return.
  void stop();

 private:
  using Clock = std::chrono::steady_clock;

  asio::awaitable<void> keep_deadlines();
  asio::awaitable<void> keep_shard(Shard& shard, asio::steady_timer& tick);
  Task<void> expire_mail(ShardId shard);
  Task<void> expire_directory();

  asio::io_context& context_;
  MailStore& mail_;
  DirectoryStore& directory_;
  LogTime& time_;
  std::vector<Shard*> shards_;
  const std::chrono::milliseconds stop_grace_;
  std::map<ShardId, std::uint32_t> oldest_queued_;  // hours; UINT32_MAX: nothing waits
  std::deque<asio::steady_timer> ticks_;            // of the shards
  asio::steady_timer deadline_tick_;
  std::size_t jobs_ = 0;
  std::optional<Clock::time_point> stopping_since_;
};

// The hour from which on operations are remembered: those before `now` by a day are not. An hour
// before 1970 is 0.
std::uint32_t ops_floor(WallTime now);

}  // namespace everpost::cluster
