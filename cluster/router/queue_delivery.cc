#include "cluster/router/queue_delivery.h"

#include "base/crc32c.h"
#include "base/log.h"
#include "cluster/router/op_ids.h"

namespace everpost::cluster {
namespace {

constexpr unsigned kRoundsMax = 16;

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

// Will another attempt meet the same? (Of the store's errors, not of an operation's outcome.)
bool for_good(const Error& error) {
  switch (error.code) {
    case ErrorCode::kInvalidArgument:
    case ErrorCode::kNotFound:
    case ErrorCode::kLimit:
    case ErrorCode::kTooLarge:
    case ErrorCode::kCorrupt:
    case ErrorCode::kUnsupported:
      return true;
    default:
      return false;
  }
}

// Puts the message's bytes where `add` refers to: small ones into `body`, large ones into the
// target, from the chunk on that it does not have yet.
Task<void> bring(MailStore& mail, ShardId queue_shard, const storage::QueueEntry& entry,
                 ShardId target, DeliveryProgress& progress, storage::NewContent& content,
                 std::vector<SharedBytes>& body) {
  content.size = entry.size;
  content.guid = entry.guid;
  if (entry.size <= MailStore::kChunkBytes) {
    CO_ASSIGN_OR_RETURN(auto texts, co_await mail.read(queue_shard, {{entry.content}}));
    content.own_bytes = static_cast<std::uint32_t>(texts[0].size());
    content.own_crc = crc32c(as_bytes(texts[0]));
    body.push_back(share(std::move(texts[0])));
  } else {
    content.upload = upload_id(queue_shard, entry, target);
    content.chunks = static_cast<std::uint32_t>((entry.size + MailStore::kChunkBytes - 1) /
                                                MailStore::kChunkBytes);
    for (; progress.staged < content.chunks; ++progress.staged) {
      const std::uint64_t at = progress.staged * std::uint64_t{MailStore::kChunkBytes};
      CO_ASSIGN_OR_RETURN(
          auto texts,
          co_await mail.read(queue_shard, {{entry.content, at, MailStore::kChunkBytes}}));
      CO_CHECK(co_await mail.stage(target, *content.upload, progress.staged,
                                   share(std::move(texts[0]))));
    }
  }
  if (entry.summary.bytes > 0) {
    CO_ASSIGN_OR_RETURN(auto summary, co_await mail.read(queue_shard, {{{entry.summary}}}));
    content.summary_bytes = entry.summary.bytes;
    content.summary_crc = entry.summary.crc;
    body.push_back(share(std::move(summary[0])));
  }
  co_return Result<void>{};
}

// Recipients whose accounts went away between RCPT and here.
void tell_lost(const storage::MailOutcome& outcome, ShardId queue_shard,
               const storage::QueueEntry& entry, ShardId target,
               const std::vector<std::uint16_t>& recipients) {
  if (outcome.results.empty()) return;
  const auto* added = std::get_if<std::vector<storage::AddedMessage>>(&outcome.results[0]);
  for (std::size_t i = 0; added && i < added->size() && i < recipients.size(); ++i)
    if ((*added)[i].error)
      log::error("queued message not delivered: this recipient does not get it",
                 {{"shard", target},
                  {"queue_shard", queue_shard},
                  {"queue_id", entry.queue_id},
                  {"from", entry.sender},
                  {"to", entry.recipients[recipients[i]].address},
                  {"error", to_string(*(*added)[i].error)},
                  {"remedy", "tell the sender; the others of the message have it"}});
}

Task<std::optional<Error>> attempt(MailStore& mail, ShardId queue_shard,
                                   const storage::QueueEntry& entry, ShardId target,
                                   std::vector<std::uint16_t> recipients,
                                   DeliveryProgress& progress) {
  storage::AddMessage add;
  for (const std::uint16_t n : recipients)
    add.targets.push_back({entry.recipients[n].account, MailboxId{0}});
  add.internal_date = entry.accepted;
  std::vector<SharedBytes> body;
  CO_CHECK(co_await bring(mail, queue_shard, entry, target, progress, add.content, body));

  const bool staged = add.content.upload.has_value();
  storage::MailTxn txn;
  txn.op = fan_out_op(queue_shard, entry, target, progress.round);
  txn.commands.push_back(std::move(add));
  CO_ASSIGN_OR_RETURN(const auto outcome, co_await mail.submit(target, std::move(txn), body));
  if (outcome.error) {
    if (outcome.error->code == ErrorCode::kUnavailable) co_return *outcome.error;
    if (outcome.error->code == ErrorCode::kNotFound && staged && progress.round < kRoundsMax) {
      ++progress.round;
      progress.staged = 0;
      co_return Error{ErrorCode::kUnavailable, outcome.error->context + ", it is staged anew"};
    }
    co_return std::optional<Error>(*outcome.error);
  }
  tell_lost(outcome, queue_shard, entry, target, recipients);

  storage::MailTxn done;
  done.op = mail.new_op();
  done.commands.push_back(storage::QueueDone{entry.queue_id, std::move(recipients)});
  CO_ASSIGN_OR_RETURN(const auto noted, co_await mail.submit(queue_shard, std::move(done)));
  // An entry that is gone was noted before, by an attempt that was not answered.
  if (noted.error && noted.error->code != ErrorCode::kNotFound) co_return *noted.error;
  co_return std::optional<Error>();
}

}  // namespace

OpId fan_out_op(ShardId queue_shard, const storage::QueueEntry& entry, ShardId target,
                unsigned round) {
  const std::uint64_t first = hash({3, queue_shard.value, entry.queue_id, target.value});
  return OpId{hour_of(entry.accepted), 0, round == 0 ? first : hash({4, first, round})};
}

Task<std::optional<Error>> deliver_queued(MailStore& mail, ShardId queue_shard,
                                          const storage::QueueEntry& entry, ShardId target,
                                          std::vector<std::uint16_t> recipients,
                                          DeliveryProgress& progress) {
  auto result = co_await attempt(mail, queue_shard, entry, target, std::move(recipients), progress);
  if (!result && for_good(result.error())) co_return std::optional<Error>(result.error());
  co_return result;
}

}  // namespace everpost::cluster
