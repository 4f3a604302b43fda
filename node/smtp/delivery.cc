#include "node/smtp/delivery.h"

#include <unordered_map>

#include "base/bytes.h"
#include "base/invariant.h"

namespace everpost::node::smtp {
namespace {

// One recipient's verdict on one account.
std::optional<Refusal> refusal_of(const Error& error) {
  switch (error.code) {
    case ErrorCode::kOverQuota:
      return Refusal{{452, "4.2.2", "Mailbox is full"}, "over_quota"};
    case ErrorCode::kNotFound:  // removed between RCPT and now
      return Refusal{{550, "5.1.1", "No such user here"}, "unknown_user"};
    default:
      return not_stored(error);
  }
}

}  // namespace

ShardId home_shard(const Transaction& transaction) {
  return transaction.recipients.front().targets.front().shard;
}

Delivery::Delivery(const Transaction& transaction, const storage::NewContent& content,
                   Flavour flavour)
    : home_(home_shard(transaction)) {
  // Only LMTP can say of each recipient that it is full; SMTP asked at RCPT. Nobody could be told
  // about one of an alias' targets that is full, so those are not held to their quota either.
  storage::AddMessage strict, lenient;
  storage::QueueAdd queue;
  enum Into { kStrict, kLenient, kQueue };
  struct Where {
    Into into;
    std::size_t position;
  };
  std::unordered_map<AccountId, Where> accounts;
  std::vector<Where> wheres;
  place_counts_.reserve(transaction.recipients.size());

  // Recipients that are accounts come first: they are held to their quota even if an alias leads
  // there, too.
  for (const bool direct : {true, false}) {
    for (const Recipient& recipient : transaction.recipients) {
      if ((recipient.targets.size() == 1) != direct) continue;
      for (const LocalRecipient& target : recipient.targets) {
        const bool enforce = direct && flavour == Flavour::kLmtp;
        const Into into = target.shard != home_ ? kQueue : enforce ? kStrict : kLenient;
        const std::size_t position = into == kQueue    ? queue.recipients.size()
                                     : into == kStrict ? strict.targets.size()
                                                       : lenient.targets.size();
        if (!accounts.try_emplace(target.account, Where{into, position}).second) continue;
        if (into == kQueue)
          queue.recipients.push_back(
              {target.address, target.account, target.shard, recipient.orcpt, recipient.notify});
        else
          (into == kStrict ? strict : lenient).targets.push_back({target.account, MailboxId{}});
      }
    }
  }
  queued_ = queue.recipients.size();

  std::size_t command_of[3] = {};
  for (storage::AddMessage* add : {&strict, &lenient}) {
    if (add->targets.empty()) continue;
    add->content = content;
    add->enforce_quota = add == &strict;
    command_of[add == &strict ? kStrict : kLenient] = commands_.size();
    commands_.emplace_back(std::move(*add));
  }
  if (!queue.recipients.empty()) {
    queue.sender = transaction.sender;
    queue.envelope_id = transaction.envid;
    queue.ret = transaction.ret;
    queue.content = content;
    command_of[kQueue] = commands_.size();
    commands_.emplace_back(std::move(queue));
  }

  for (const Recipient& recipient : transaction.recipients) {
    place_counts_.push_back(recipient.targets.size());
    for (const LocalRecipient& target : recipient.targets) {
      const Where& where = accounts.at(target.account);
      places_.push_back({command_of[where.into], where.position, where.into == kQueue});
    }
  }
}

MessageResult Delivery::judge(const storage::MailOutcome& outcome) const {
  MessageResult result;
  if (outcome.error) {
    result.refusal = not_stored(*outcome.error);
    return result;
  }
  result.id = record_id(home_, outcome.lsn);
  const auto verdict = [&](const Place& place) -> std::optional<Refusal> {
    const Error strange{ErrorCode::kInternal, "the outcome does not fit the transaction"};
    if (place.command >= outcome.results.size()) return not_stored(strange);
    const storage::MailResult& found = outcome.results[place.command];
    if (place.queued) {
      if (!std::holds_alternative<storage::QueuedMessage>(found)) return not_stored(strange);
      return std::nullopt;
    }
    const auto* added = std::get_if<std::vector<storage::AddedMessage>>(&found);
    if (!added || place.position >= added->size()) return not_stored(strange);
    const auto& error = (*added)[place.position].error;
    return error ? refusal_of(*error) : std::nullopt;
  };

  std::size_t at = 0;
  result.recipients.reserve(place_counts_.size());
  for (const std::size_t count : place_counts_) {
    // An alias has delivered if one of its targets has the message: trying again would give it a
    // second copy.
    std::optional<Refusal> worst;
    bool delivered = false;
    for (const std::size_t end = at + count; at < end; ++at) {
      auto refusal = verdict(places_[at]);
      if (refusal)
        worst = std::move(refusal);
      else
        delivered = true;
    }
    result.recipients.push_back(delivered ? std::nullopt : std::move(worst));
  }
  return result;
}

Refusal not_stored(const Error& error) {
  switch (error.code) {
    case ErrorCode::kNoSpace:
      return {{452, "4.3.1", "Out of disk space, try again later"}, "no_space"};
    case ErrorCode::kBusy:
      return {{451, "4.3.2", "Too busy, try again later"}, "busy"};
    case ErrorCode::kUnavailable:
    case ErrorCode::kNotPrimary:
    case ErrorCode::kFenced:
      return {{451, "4.3.2", "Mailbox is not available now, try again later"}, "unavailable"};
    case ErrorCode::kTimeout:
      return {{451, "4.3.0", "Storing the message takes too long, try again later"}, "timeout"};
    default:
      return {{451, "4.3.0", "Cannot store the message now, try again later"}, "storage"};
  }
}

std::string record_id(ShardId shard, Lsn lsn) { return to_string(shard) + "-" + hex(lsn.value); }

}  // namespace everpost::node::smtp
