#include "cluster/router/housekeeping.h"

#include "base/log.h"
#include "cluster/router/op_ids.h"

namespace everpost::cluster {
namespace {

using std::chrono::steady_clock;

constexpr auto kTick = std::chrono::seconds{1};
constexpr auto kMarkEvery = std::chrono::seconds{10};
constexpr auto kExpireEvery = std::chrono::hours{1};
constexpr std::uint32_t kOpHours = 24;  // results of operations are remembered this long (H40)
constexpr std::int64_t kUploadMicros =
    3'600'000'000;  // an upload nobody finished in an hour is dead

// The hour of the oldest message that waits in any shard's queue: its deliveries must not be
// forgotten before it has reached all its shards, or a repeated one would double it.
Task<std::uint32_t> oldest_queued_hour(MailStore& mail) {
  std::uint32_t oldest = UINT32_MAX;
  for (const ShardId shard : mail.mail_shards()) {
    CO_ASSIGN_OR_RETURN(const auto entries, co_await mail.queue(shard, 0, 1));
    if (!entries.empty()) oldest = std::min(oldest, hour_of(entries[0].accepted));
  }
  co_return oldest;
}

Task<void> expire(MailStore& mail, DirectoryStore& directory) {
  const WallTime now = system_clock().wall();
  const std::uint32_t floor = hour_of(now) - kOpHours;
  CO_ASSIGN_OR_RETURN(const std::uint32_t queued, co_await oldest_queued_hour(mail));
  for (const ShardId shard : mail.mail_shards()) {
    storage::MailTxn txn;
    txn.op = mail.new_op();
    txn.commands.push_back(
        storage::Expire{std::min(floor, queued), WallTime{now.micros - kUploadMicros}});
    CO_ASSIGN_OR_RETURN(const auto outcome, co_await mail.submit(shard, std::move(txn)));
    if (outcome.error) co_return *outcome.error;
  }
  storage::DirectoryTxn txn;
  txn.op = directory.new_op();
  txn.actor = "housekeeping";
  txn.commands.push_back(storage::ExpireOps{floor});
  CO_ASSIGN_OR_RETURN(const auto outcome, co_await directory.submit(std::move(txn)));
  if (outcome.error) co_return *outcome.error;
  co_return Result<void>{};
}

}  // namespace

asio::awaitable<void> keep_house(MailStore& mail, DirectoryStore& directory,
                                 std::vector<Shard*> shards, const std::atomic<bool>& stopping,
                                 asio::steady_timer& tick) {
  auto next_mark = steady_clock::now() + kMarkEvery;
  auto next_expire = steady_clock::now() + kExpireEvery;
  while (!stopping) {
    tick.expires_after(kTick);
    co_await tick.async_wait(asio::as_tuple(asio::use_awaitable));
    if (stopping) break;
    const auto now = steady_clock::now();
    for (Shard* shard : shards) shard->sweep(now);
    if (now >= next_mark) {
      next_mark = now + kMarkEvery;
      for (Shard* shard : shards)
        if (const auto marked = co_await shard->mark_checkpoint();
            !marked && marked.error().code != ErrorCode::kUnavailable)
          log::warning("no checkpoint mark written",
                       {{"shard", shard->id()}, {"error", to_string(marked.error())}});
    }
    if (now >= next_expire) {
      next_expire = now + kExpireEvery;
      if (const auto expired = co_await expire(mail, directory); !expired)
        log::warning("nothing expired this hour", {{"error", to_string(expired.error())}});
    }
  }
}

}  // namespace everpost::cluster
