#include "cluster/router/housekeeping.h"

#include "base/exception.h"
#include "base/log.h"
#include "cluster/router/op_ids.h"

namespace everpost::cluster {
namespace {

constexpr auto kTick = std::chrono::seconds{1};
constexpr auto kMarkEvery = std::chrono::seconds{10};
constexpr auto kExpireEvery = std::chrono::hours{1};
constexpr std::uint32_t kOpHours = 24;  // results of operations are remembered this long (H40)
constexpr std::int64_t kUploadMicros =
    3'600'000'000;  // an upload nobody finished in an hour is dead

}  // namespace

std::uint32_t ops_floor(WallTime now) {
  const std::uint32_t hour = hour_of(now);
  return hour > kOpHours ? hour - kOpHours : 0;
}

Housekeeping::Housekeeping(asio::io_context& context, MailStore& mail, DirectoryStore& directory,
                           LogTime& time, std::vector<Shard*> shards,
                           std::chrono::milliseconds stop_grace)
    : context_(context),
      mail_(mail),
      directory_(directory),
      time_(time),
      shards_(std::move(shards)),
      stop_grace_(stop_grace),
      deadline_tick_(context) {}

// An operation must not be forgotten while a message that waits in any shard's queue may repeat it:
// its deliveries go on until it has reached all its shards. So each shard's oldest is noted when
// the shard's own hour comes, and the floor is below all of them. A note of an hour ago will do:
// what was queued since is younger than a day, and what has left the queue only keeps the floor
// lower.
Task<void> Housekeeping::expire_mail(ShardId shard) {
  CO_ASSIGN_OR_RETURN(const auto entries, co_await mail_.queue(shard, 0, 1));
  oldest_queued_[shard] = entries.empty() ? UINT32_MAX : hour_of(entries[0].accepted);
  const WallTime now = time_.now();
  std::uint32_t floor = oldest_queued_.size() < mail_.mail_shards().size() ? 0 : ops_floor(now);
  for (const auto& [other, hour] : oldest_queued_) floor = std::min(floor, hour);

  storage::MailTxn txn;
  txn.op = mail_.new_op();
  txn.commands.push_back(
      storage::Expire{floor, WallTime{std::max<std::int64_t>(now.micros - kUploadMicros, 0)}});
  CO_ASSIGN_OR_RETURN(const auto outcome, co_await mail_.submit(shard, std::move(txn)));
  if (outcome.error) co_return *outcome.error;
  co_return Result<void>{};
}

Task<void> Housekeeping::expire_directory() {
  storage::DirectoryTxn txn;
  txn.op = directory_.new_op();
  txn.actor = "housekeeping";
  txn.commands.push_back(storage::ExpireOps{ops_floor(time_.now())});
  CO_ASSIGN_OR_RETURN(const auto outcome, co_await directory_.submit(std::move(txn)));
  if (outcome.error) co_return *outcome.error;
  co_return Result<void>{};
}

void Housekeeping::start() {
  for (Shard* shard : shards_) run(keep_shard(*shard, ticks_.emplace_back(context_)));
  asio::co_spawn(context_, keep_deadlines(), asio::detached);
}

void Housekeeping::add(Shard& shard) {
  if (stopping_since_) return;
  shards_.push_back(&shard);
  run(keep_shard(shard, ticks_.emplace_back(context_)));
}

void Housekeeping::run(asio::awaitable<void> job) {
  ++jobs_;
  asio::co_spawn(context_, std::move(job), [this](const std::exception_ptr& thrown) {
    if (--jobs_ == 0 && stopping_since_) deadline_tick_.cancel();
    if (thrown) log::error("a background job has failed", {{"error", what(thrown)}});
  });
}

void Housekeeping::stop() {
  stopping_since_ = Clock::now();
  for (asio::steady_timer& tick : ticks_) tick.cancel();
  if (jobs_ == 0) deadline_tick_.cancel();
}

// Waits for nothing but its timer.
asio::awaitable<void> Housekeeping::keep_deadlines() {
  while (jobs_ > 0 || !stopping_since_) {
    deadline_tick_.expires_after(kTick);
    co_await deadline_tick_.async_wait(asio::as_tuple(asio::use_awaitable));
    auto now = Clock::now();
    if (stopping_since_ && now - *stopping_since_ >= stop_grace_) now += Shard::kDeadline;
    for (Shard* shard : shards_) shard->sweep(now);
  }
}

asio::awaitable<void> Housekeeping::keep_shard(Shard& shard, asio::steady_timer& tick) {
  const bool is_mail = shard.status().kind == storage::ShardKind::kMail;
  auto next_expire = Clock::now() + kExpireEvery;
  while (!stopping_since_) {
    tick.expires_after(kMarkEvery);
    co_await tick.async_wait(asio::as_tuple(asio::use_awaitable));
    if (stopping_since_) break;
    if (!shard.leads()) continue;  // its primary does this
    if (const auto marked = co_await shard.mark_checkpoint();
        !marked && marked.error().code != ErrorCode::kUnavailable)
      log::warning("no checkpoint mark written",
                   {{"shard", shard.id()}, {"error", to_string(marked.error())}});
    if (stopping_since_ || Clock::now() < next_expire) continue;
    next_expire = Clock::now() + kExpireEvery;
    if (!time_.trusted()) continue;
    // Not a conditional expression: one that awaits in both branches is more than compilers like.
    Result<void> expired;
    if (is_mail)
      expired = co_await expire_mail(shard.id());
    else
      expired = co_await expire_directory();
    if (!expired)
      log::warning("nothing expired this hour",
                   {{"shard", shard.id()}, {"error", to_string(expired.error())}});
  }
}

}  // namespace everpost::cluster
