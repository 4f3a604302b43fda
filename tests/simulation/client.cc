#include "tests/simulation/client.h"

#include <fmt/format.h>

#include "base/crc32c.h"
#include "tests/simulation/cluster.h"

namespace everpost::simulation {

using std::chrono::milliseconds;
using std::chrono::seconds;

namespace {
constexpr Micros kAttempt = milliseconds{700};  // shorter than some failovers
constexpr std::size_t kRecipients = 2;
}  // namespace

Client::Client(Cluster& cluster, std::uint32_t index, Rng rng)
    : cluster_(cluster), index_(index), rng_(rng), remembers_(rng_.chance(0.3)) {}

void Client::run() {
  running_ = true;
  next();
}

void Client::next() {
  if (stopping_ || !running_) return;
  cluster_.after(rng_.exponential(Micros{100}, cluster_.plan().think_time), [this] {
    if (stopping_ || busy_) return;
    const bool some = !messages_.empty();
    const std::uint64_t dice = rng_.below(100);
    if (dice < 25) return read();
    if (dice < 60 || !some) return deliver();
    const Message& message = messages_[rng_.below(messages_.size())];
    storage::UidSet uids;
    uids.add(message.uid);
    if (dice < 70) {
      storage::StoreFlags store{message.mailbox, uids, storage::StoreFlags::Mode::kAdd, {}, {}};
      store.flags.system = storage::kSeen;
      return begin(store);
    }
    if (dice < 77) return begin(storage::Expunge{message.mailbox, uids, false});
    if (dice < 84)
      return begin(storage::CopyMessages{message.mailbox, uids, message.mailbox, dice < 80, false});
    if (dice < 92 || queue_.empty()) return begin(new_queue_entry(), body_);
    const auto& [id, done] =
        *std::next(queue_.begin(), static_cast<long>(rng_.below(queue_.size())));
    begin(storage::QueueDone{id, {static_cast<std::uint16_t>(rng_.below(kRecipients))}});
  });
}

storage::NewContent Client::new_content() {
  body_ = fmt::format("{}-{}", index_, operations_);
  storage::NewContent content;
  content.own_bytes = static_cast<std::uint32_t>(body_.size());
  content.own_crc = crc32c(as_bytes(body_));
  content.size = body_.size();
  for (std::byte& byte : content.guid) byte = static_cast<std::byte>(rng_.next());
  return content;
}

storage::MailCommand Client::new_message() {
  storage::AddMessage add;
  add.targets.push_back({account(), MailboxId{0}});
  add.content = new_content();
  return add;
}

storage::MailCommand Client::new_queue_entry() {
  storage::QueueAdd add;
  add.sender = "a@example.test";
  add.content = new_content();
  for (std::size_t i = 0; i < kRecipients; ++i)
    add.recipients.push_back(
        {fmt::format("r{}@example.test", i), AccountId{100 + i}, ShardId{2}, "", ""});
  return add;
}

void Client::deliver() {
  storage::MailCommand command = new_message();
  begin(std::move(command), body_);
}

void Client::begin(storage::MailCommand command, std::string body) {
  busy_ = true;
  reading_ = false;
  command_ = std::move(command);
  body_ = std::move(body);
  const std::int64_t wall = kWallStart + cluster_.now().count();
  // Multiples of 64 make the state machine look for what has expired; now and then they shall.
  op_ = {static_cast<std::uint32_t>(wall / 3'600'000'000), index_ + 1,
         (++operations_ << 8) + rng_.below(256)};
  shown_at_start_ = cluster_.checker().shown();
  backoff_ = milliseconds{5};
  first_attempt_ = attempts_ + 1;
  attempt();
}

void Client::read() {
  busy_ = reading_ = true;
  ++operations_;
  shown_at_start_ = cluster_.checker().shown();
  backoff_ = milliseconds{5};
  first_attempt_ = attempts_ + 1;
  attempt();
}

void Client::attempt() {
  const std::uint64_t attempt = ++attempts_;
  // Now and then a client knows better, and is wrong: through an old connection, say (H21).
  const bool guess = !hint_ || (!cluster_.is_calm() && rng_.chance(0.1));
  const std::uint32_t target =
      guess ? static_cast<std::uint32_t>(rng_.below(cluster_.node_count())) : hint_->value - 1;
  const Call call{index_, attempt};
  const bool lost = !cluster_.is_calm() && rng_.chance(cluster_.plan().client_loss);
  if (!lost)
    cluster_.after(rng_.exponential(Micros{30}, Micros{300}), [this, target, call] {
      if (call.attempt != attempts_) return;
      Node& node = cluster_.node(target);
      if (!node.is_up()) {
        if (node.has_power())
          hear(call.attempt, {Reply::Kind::kRefused, {}, {}, {}, {}}, node.id());
        return;
      }
      if (reading_) return node.read(call, seen_);
      storage::MailTxn txn;
      txn.op = op_;
      txn.commands.push_back(command_);
      storage::NewRecord record;
      record.meta = storage::encode(txn);
      if (!body_.empty()) record.body.push_back(share(body_));
      record.time = WallTime{kWallStart + cluster_.now().count()};
      record.seal();
      node.propose(call, std::move(record));
    });
  // No answer at all: somebody else may know more. The attempt may still take effect.
  cluster_.after(kAttempt, [this, attempt] {
    if (attempt != attempts_ || !busy_) return;
    hint_.reset();
    this->attempt();
  });
}

void Client::hear(std::uint64_t attempt, const Reply& reply, NodeId from) {
  if (!busy_ || attempt < first_attempt_) return;  // of an operation that has ended
  const bool late = attempt != attempts_;
  switch (reply.kind) {
    case Reply::Kind::kRefused:
    case Reply::Kind::kRetry: {
      if (late) return;
      if (hint_ == from) hint_.reset();
      const std::uint64_t again = ++attempts_;
      cluster_.after(rng_.time(Micros{1}, backoff_), [this, again] {
        if (again == attempts_ && busy_) this->attempt();
      });
      backoff_ = std::min(2 * backoff_, Micros{milliseconds{500}});
      return;
    }
    case Reply::Kind::kRead:
      cluster_.checker().read(reply.applied, reply.digest, shown_at_start_);
      if (remembers_) seen_ = std::max(seen_, reply.applied);
      hint_ = from;
      break;
    case Reply::Kind::kDone:
      cluster_.checker().answered(op_, reply.outcome->lsn, reply.end, reply.applied,
                                  reply.outcome->repeated, shown_at_start_);
      hint_ = from;
      finish(*reply.outcome);
      if (remembers_) seen_ = std::max(seen_, reply.applied);
      break;
  }
  busy_ = false;
  ++answered_;
  ++attempts_;
  last_answer_ = cluster_.now();
  next();
}

void Client::finish(const storage::MailOutcome& outcome) {
  if (outcome.error || outcome.results.size() != 1) return;
  std::visit(
      [this](const auto& result) {
        if constexpr (requires { take(result); }) take(result);
      },
      outcome.results[0]);
  if (const auto* done = std::get_if<storage::QueueDone>(&command_)) {
    const auto entry = queue_.find(done->queue_id);
    if (entry == queue_.end()) return;
    entry->second[done->recipients[0]] = true;
    if (std::ranges::all_of(entry->second, std::identity{})) queue_.erase(entry);
  }
}

void Client::take(const std::vector<storage::AddedMessage>& added) {
  const auto& add = std::get<storage::AddMessage>(command_);
  for (const storage::AddedMessage& message : added) {
    if (message.error) continue;
    cluster_.checker().placed(message, add.content.guid);
    messages_.push_back({message.mailbox, message.uid, add.content.guid});
    ++wanted_[add.content.guid];
  }
}

void Client::take(const storage::Expunged& expunged) {
  std::erase_if(messages_, [&](const Message& message) {
    if (message.mailbox != std::get<storage::Expunge>(command_).mailbox ||
        !expunged.uids.contains(message.uid))
      return false;
    --wanted_[message.guid];
    return true;
  });
}

void Client::take(const storage::CopiedMessages& copied) {
  const auto& copy = std::get<storage::CopyMessages>(command_);
  for (std::size_t i = 0; i < copied.from.size(); ++i) {
    const auto source = std::ranges::find_if(messages_, [&](const Message& message) {
      return message.mailbox == copy.source && message.uid == copied.from[i];
    });
    if (source == messages_.end()) continue;
    const Message made{copy.target, copied.to[i], source->guid};
    cluster_.checker().placed({std::nullopt, made.mailbox, copied.uid_validity, made.uid, {}},
                              made.guid);
    if (copy.move)
      *source = made;
    else {
      ++wanted_[made.guid];
      messages_.push_back(made);
    }
  }
}

void Client::take(const storage::QueuedMessage& queued) {
  queue_[queued.queue_id].resize(kRecipients, false);
}

}  // namespace everpost::simulation
