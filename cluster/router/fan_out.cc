#include "cluster/router/fan_out.h"

#include <map>

#include "base/log.h"
#include "cluster/router/queue_delivery.h"

namespace everpost::cluster {
namespace {

constexpr auto kLookForPrimary = std::chrono::milliseconds{100};

constexpr std::size_t kPage = 100;  // queue entries looked at in one go
// Of them under way at once, so that they share the logs' groups.
constexpr unsigned kParallel = 32;

// The queue of one shard, as far as this process has got with it; all of it on one thread.
struct Queue {
  MailStore& mail;
  const ShardId shard;
  const std::atomic<bool>& stopping;
  RetrySchedule schedule;
  // Ids grow with each entry: those below were begun, and are done, scheduled or parked.
  std::uint64_t next_id = 0;
};

// Entries under way together.
struct Page {
  std::vector<storage::QueueEntry> entries;
  std::size_t next = 0;
  unsigned workers = 0;
  asio::steady_timer idle;  // cancelled by the last worker
};

// Tries all targets of the entry; one that fails keeps none of the others from having the message.
asio::awaitable<void> serve_entry(Queue& queue, const storage::QueueEntry& entry) {
  std::map<ShardId, std::vector<std::uint16_t>> pending;
  for (std::size_t n = 0; n < entry.recipients.size(); ++n)
    if (n >= entry.done.size() || !entry.done[n])
      pending[entry.recipients[n].shard].push_back(static_cast<std::uint16_t>(n));
  auto& progress = queue.schedule.progress(entry.queue_id);
  std::optional<std::pair<ShardId, Error>> failed;
  for (auto& [target, recipients] : pending) {
    DeliveryProgress& here = progress[target];
    if (here.parked) continue;
    const auto result = co_await deliver_queued(queue.mail, queue.shard, entry, target,
                                                std::move(recipients), here);
    if (!result) {
      failed.emplace(target, result.error());
    } else if (*result) {
      here.parked = true;
      log::error(
          "queued message refused for good: it stays in the queue",
          {{"queue_shard", queue.shard},
           {"queue_id", entry.queue_id},
           {"shard", target},
           {"from", entry.sender},
           {"error", to_string(**result)},
           {"remedy",
            "put right what the error names, then restart: it is tried once at each start"}});
    }
  }
  if (!failed) {
    queue.schedule.done(entry.queue_id);
    co_return;
  }
  const auto delay = queue.schedule.failed(entry.queue_id, std::chrono::steady_clock::now());
  log::warning("queued message is tried again",
               {{"queue_shard", queue.shard},
                {"queue_id", entry.queue_id},
                {"shard", failed->first},
                {"error", to_string(failed->second)},
                {"in_s", static_cast<double>(delay.count()) / 1000}});
}

asio::awaitable<void> work(Queue& queue, Page& page) {
  while (page.next < page.entries.size() && !queue.stopping)
    co_await serve_entry(queue, page.entries[page.next++]);
  if (--page.workers == 0) page.idle.cancel();
}

asio::awaitable<void> serve_page(Queue& queue, std::vector<storage::QueueEntry> entries) {
  if (entries.empty()) co_return;
  const auto executor = co_await asio::this_coro::executor;
  Page page{std::move(entries), 0, kParallel, asio::steady_timer(executor)};
  page.idle.expires_at(asio::steady_timer::time_point::max());
  for (unsigned i = 0; i < kParallel; ++i)
    asio::co_spawn(executor, work(queue, page), asio::detached);
  // The workers hold `page`: whatever happens, this waits for the last one.
  while (page.workers > 0) co_await page.idle.async_wait(asio::as_tuple(asio::use_awaitable));
}

// Those scheduled entries whose time has come. Returns how many.
asio::awaitable<std::size_t> serve_due(Queue& queue) {
  const auto ids = queue.schedule.due(std::chrono::steady_clock::now(), kPage);
  std::vector<storage::QueueEntry> entries;
  for (const std::uint64_t id : ids) {
    auto found = co_await queue.mail.queue(queue.shard, id, 1);
    if (!found)
      queue.schedule.failed(id, std::chrono::steady_clock::now());
    else if (found->empty() || found->front().queue_id != id)
      queue.schedule.done(id);
    else
      entries.push_back(std::move(found->front()));
  }
  co_await serve_page(queue, std::move(entries));
  co_return ids.size();
}

// The next entries that were never begun. Returns how many; an error: the queue cannot be read.
Task<std::size_t> serve_new(Queue& queue) {
  if (queue.schedule.full()) co_return std::size_t{0};
  CO_ASSIGN_OR_RETURN(auto entries, co_await queue.mail.queue(queue.shard, queue.next_id, kPage));
  const std::size_t count = entries.size();
  if (count > 0) queue.next_id = entries.back().queue_id + 1;
  co_await serve_page(queue, std::move(entries));
  co_return count;
}

}  // namespace

asio::awaitable<void> fan_out(MailStore& mail, Shard& shard, const std::atomic<bool>& stopping,
                              RetrySchedule::Delays delays) {
  const auto executor = co_await asio::this_coro::executor;
  // Shared with the watcher's callback, which may be under way while this ends.
  auto wake = std::make_shared<asio::steady_timer>(executor);
  auto changed = std::make_shared<std::atomic<bool>>(true);
  const auto watch = shard.watchers().watch_queue([executor, wake, changed] {
    if (!changed->exchange(true)) asio::post(executor, [wake] { wake->cancel(); });
  });
  Queue queue{mail, shard.id(), stopping, RetrySchedule(delays), 0};
  while (!stopping) {
    if (!shard.leads()) {
      // Another node serves the queue. Should it come back, it is looked through from the start.
      queue.schedule = RetrySchedule(delays);
      queue.next_id = 0;
      wake->expires_after(kLookForPrimary);
      co_await wake->async_wait(asio::as_tuple(asio::use_awaitable));
      continue;
    }
    changed->store(false);
    std::size_t served = co_await serve_due(queue);
    const auto begun = co_await serve_new(queue);
    auto next = queue.schedule.next().value_or(asio::steady_timer::time_point::max());
    if (begun) {
      served += *begun;
    } else {
      log::warning("cannot read the queue",
                   {{"shard", shard.id()}, {"error", to_string(begun.error())}});
      next = std::min(next, std::chrono::steady_clock::now() + delays.first);
    }
    if (served > 0 || changed->load() || stopping) continue;
    wake->expires_at(next);
    co_await wake->async_wait(asio::as_tuple(asio::use_awaitable));
  }
}

}  // namespace everpost::cluster
