#include "cluster/router/fan_out.h"

#include <map>

#include "base/crc32c.h"
#include "base/log.h"
#include "cluster/router/op_ids.h"

namespace everpost::cluster {
namespace {

constexpr std::size_t kPage = 100;  // queue entries looked at in one go
constexpr unsigned kParallel =
    32;  // of them under way at once, so that they share the logs' groups
constexpr auto kRetry = std::chrono::seconds{2};

// A number that follows from the names and nothing else (FNV-1a over their bytes).
std::uint64_t hash(std::initializer_list<std::uint64_t> words) {
  std::uint64_t state = 0xcbf29ce484222325;
  for (const std::uint64_t word : words)
    for (int shift = 0; shift < 64; shift += 8)
      state = (state ^ (word >> shift & 0xFF)) * 0x100000001b3;
  return state;
}

// The upload under which a large message is staged in the target: the same when tried again.
Uuid upload_id(ShardId queue_shard, const storage::QueueEntry& entry, ShardId target) {
  Uuid id;
  store_be(id.data(), hash({1, queue_shard.value, entry.queue_id, target.value}));
  store_be(id.data() + 8, hash({2, queue_shard.value, entry.queue_id, target.value}));
  return id;
}

// Delivers the entry's message to those of its recipients that live in `target`.
Task<void> deliver(MailStore& mail, ShardId queue_shard, const storage::QueueEntry& entry,
                   ShardId target, std::vector<std::uint16_t> recipients) {
  storage::AddMessage add;
  for (const std::uint16_t n : recipients)
    add.targets.push_back({entry.recipients[n].account, MailboxId{0}});
  add.content.size = entry.size;
  add.content.guid = entry.guid;
  add.internal_date = entry.accepted;

  std::vector<SharedBytes> body;
  if (entry.size <= MailStore::kChunkBytes) {
    CO_ASSIGN_OR_RETURN(auto texts, co_await mail.read(queue_shard, {{entry.content}}));
    add.content.own_bytes = static_cast<std::uint32_t>(texts[0].size());
    add.content.own_crc = crc32c(as_bytes(texts[0]));
    body.push_back(share(std::move(texts[0])));
  } else {
    const Uuid upload = upload_id(queue_shard, entry, target);
    std::uint32_t n = 0;
    for (std::uint64_t at = 0; at < entry.size; at += MailStore::kChunkBytes, ++n) {
      CO_ASSIGN_OR_RETURN(
          auto texts,
          co_await mail.read(queue_shard, {{entry.content, at, MailStore::kChunkBytes}}));
      CO_CHECK(co_await mail.stage(target, upload, n, share(std::move(texts[0]))));
    }
    add.content.upload = upload;
    add.content.chunks = n;
  }
  if (entry.summary.bytes > 0) {
    CO_ASSIGN_OR_RETURN(auto summary, co_await mail.read(queue_shard, {{{entry.summary}}}));
    add.content.summary_bytes = entry.summary.bytes;
    add.content.summary_crc = entry.summary.crc;
    body.push_back(share(std::move(summary[0])));
  }

  storage::MailTxn txn;
  txn.op = fan_out_op(queue_shard, entry, target);
  txn.commands.push_back(std::move(add));
  CO_ASSIGN_OR_RETURN(const auto outcome, co_await mail.submit(target, std::move(txn), body));
  if (outcome.error) co_return *outcome.error;
  const auto* added = outcome.results.empty()
                          ? nullptr
                          : std::get_if<std::vector<storage::AddedMessage>>(&outcome.results[0]);
  for (std::size_t i = 0; added && i < added->size() && i < recipients.size(); ++i)
    if ((*added)[i].error)  // the account went away between RCPT and here
      log::warning("queued message not delivered", {{"shard", target},
                                                    {"queue_shard", queue_shard},
                                                    {"queue_id", entry.queue_id},
                                                    {"to", entry.recipients[recipients[i]].address},
                                                    {"error", to_string(*(*added)[i].error)}});

  storage::MailTxn done;
  done.op = mail.new_op();
  done.commands.push_back(storage::QueueDone{entry.queue_id, std::move(recipients)});
  CO_ASSIGN_OR_RETURN(const auto noted, co_await mail.submit(queue_shard, std::move(done)));
  if (noted.error) co_return *noted.error;
  co_return Result<void>{};
}

Task<void> serve_entry(MailStore& mail, ShardId queue_shard, storage::QueueEntry entry) {
  std::map<ShardId, std::vector<std::uint16_t>> pending;
  for (std::size_t n = 0; n < entry.recipients.size(); ++n)
    if (n >= entry.done.size() || !entry.done[n])
      pending[entry.recipients[n].shard].push_back(static_cast<std::uint16_t>(n));
  for (auto& [target, recipients] : pending) {
    const auto result = co_await deliver(mail, queue_shard, entry, target, std::move(recipients));
    if (!result)
      co_return in_context("queue entry " + std::to_string(entry.queue_id) + " of shard " +
                               to_string(queue_shard) + " to shard " + to_string(target),
                           result.error());
  }
  co_return Result<void>{};
}

// A page of the queue on its way; all of it on one executor of one thread.
struct Page {
  std::vector<storage::QueueEntry> entries;
  std::size_t next = 0;
  std::size_t failed = 0;
  unsigned workers = 0;
  asio::steady_timer idle;  // cancelled by the last worker
};

asio::awaitable<void> work(MailStore& mail, ShardId shard, Page& page,
                           const std::atomic<bool>& stopping) {
  while (page.next < page.entries.size() && !stopping) {
    const auto result = co_await serve_entry(mail, shard, page.entries[page.next++]);
    if (result) continue;
    ++page.failed;
    log::warning("queued message is tried again", {{"error", to_string(result.error())}});
  }
  if (--page.workers == 0) page.idle.cancel();
}

// One pass over the whole queue. Returns the number of entries that could not be finished.
asio::awaitable<std::size_t> serve_queue(MailStore& mail, ShardId shard,
                                         const std::atomic<bool>& stopping) {
  const auto executor = co_await asio::this_coro::executor;
  std::size_t failed = 0;
  std::uint64_t from = 0;
  while (!stopping) {
    auto entries = co_await mail.queue(shard, from, kPage);
    if (!entries) {
      log::warning("cannot read the queue",
                   {{"shard", shard}, {"error", to_string(entries.error())}});
      co_return failed + 1;
    }
    if (entries->empty()) break;
    Page page{*std::move(entries), 0, 0, kParallel, asio::steady_timer(executor)};
    from = page.entries.back().queue_id + 1;
    const bool last = page.entries.size() < kPage;
    page.idle.expires_at(asio::steady_timer::time_point::max());
    for (unsigned i = 0; i < kParallel; ++i)
      asio::co_spawn(executor, work(mail, shard, page, stopping), asio::detached);
    // The workers hold `page`: whatever happens, this waits for the last one.
    while (page.workers > 0) co_await page.idle.async_wait(asio::as_tuple(asio::use_awaitable));
    failed += page.failed;
    if (last) break;
  }
  co_return failed;
}

}  // namespace

OpId fan_out_op(ShardId queue_shard, const storage::QueueEntry& entry, ShardId target) {
  return OpId{hour_of(entry.accepted), 0,
              hash({3, queue_shard.value, entry.queue_id, target.value})};
}

asio::awaitable<void> fan_out(MailStore& mail, Shard& shard, const std::atomic<bool>& stopping) {
  const auto executor = co_await asio::this_coro::executor;
  // Shared with the watcher's callback, which may be under way while this ends.
  auto wake = std::make_shared<asio::steady_timer>(executor);
  auto changed = std::make_shared<std::atomic<bool>>(true);
  const auto watch = shard.watchers().watch_queue([executor, wake, changed] {
    if (!changed->exchange(true)) asio::post(executor, [wake] { wake->cancel(); });
  });
  while (!stopping) {
    changed->store(false);
    co_await serve_queue(mail, shard.id(), stopping);
    if (changed->load() || stopping) continue;
    wake->expires_after(kRetry);
    co_await wake->async_wait(asio::as_tuple(asio::use_awaitable));
  }
}

}  // namespace everpost::cluster
