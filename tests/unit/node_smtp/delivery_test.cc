#include "node/smtp/delivery.h"

#include <gtest/gtest.h>

namespace everpost::node::smtp {
namespace {

LocalRecipient at(std::uint64_t account, std::uint32_t shard) {
  return {"user" + std::to_string(account) + "@example.org", AccountId{account}, ShardId{shard}, 0};
}

Transaction to(std::vector<std::vector<LocalRecipient>> recipients) {
  Transaction transaction;
  transaction.sender = "x@y";
  transaction.envid = "E";
  transaction.ret = "FULL";
  for (auto& targets : recipients) {
    Recipient recipient;
    recipient.address = targets.front().address;
    recipient.notify = "NEVER";
    recipient.orcpt = "rfc822;" + recipient.address;
    recipient.targets = std::move(targets);
    transaction.recipients.push_back(std::move(recipient));
  }
  return transaction;
}

// "add 1 2 | strict 3 | queue 4@2"
std::string described(Delivery& delivery) {
  std::string all;
  for (const storage::MailCommand& command : delivery.take_commands()) {
    if (!all.empty()) all += " | ";
    if (const auto* add = std::get_if<storage::AddMessage>(&command)) {
      all += add->enforce_quota ? "strict" : "add";
      EXPECT_EQ(add->internal_date, WallTime{});
      for (const auto& target : add->targets) all += " " + to_string(target.account);
    } else if (const auto* queue = std::get_if<storage::QueueAdd>(&command)) {
      all += "queue";
      for (const auto& r : queue->recipients)
        all += " " + to_string(r.account) + "@" + to_string(r.shard);
    }
  }
  return all;
}

TEST(Delivery, GroupsRecipientsByShardAndAccount) {
  struct Case {
    const char* name;
    Transaction transaction;
    Flavour flavour;
    const char* want;
  };
  const Case cases[] = {
      {"one", to({{at(1, 1)}}), Flavour::kSmtp, "add 1"},
      {"LMTP holds accounts to their quota", to({{at(1, 1)}}), Flavour::kLmtp, "strict 1"},
      {"several of one shard", to({{at(1, 1)}, {at(2, 1)}}), Flavour::kSmtp, "add 1 2"},
      {"the same one twice", to({{at(1, 1)}, {at(1, 1)}}), Flavour::kSmtp, "add 1"},
      {"an alias", to({{at(1, 1), at(2, 1)}}), Flavour::kLmtp, "add 1 2"},
      {"an alias and one of its targets", to({{at(1, 1), at(2, 1)}, {at(2, 1)}}), Flavour::kLmtp,
       "strict 2 | add 1"},
      {"another shard", to({{at(1, 1)}, {at(2, 2)}, {at(3, 3)}}), Flavour::kSmtp,
       "add 1 | queue 2@2 3@3"},
      {"another shard, LMTP", to({{at(1, 2)}, {at(2, 1)}}), Flavour::kLmtp, "strict 1 | queue 2@1"},
      {"an alias over two shards", to({{at(1, 1), at(2, 2)}}), Flavour::kSmtp, "add 1 | queue 2@2"},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.name);
    Delivery delivery(c.transaction, {}, c.flavour);
    EXPECT_EQ(described(delivery), c.want);
  }
}

TEST(Delivery, TheQueueKeepsTheEnvelope) {
  Delivery delivery(to({{at(1, 1)}, {at(2, 2)}}), {}, Flavour::kSmtp);
  const auto commands = delivery.take_commands();
  const auto& queue = std::get<storage::QueueAdd>(commands[1]);
  EXPECT_EQ(queue.sender, "x@y");
  EXPECT_EQ(queue.envelope_id, "E");
  EXPECT_EQ(queue.ret, "FULL");
  EXPECT_EQ(queue.recipients[0].address, "user2@example.org");
  EXPECT_EQ(queue.recipients[0].notify, "NEVER");
  EXPECT_EQ(queue.recipients[0].original, "rfc822;user2@example.org");
}

storage::AddedMessage added(std::optional<ErrorCode> error = {}) {
  storage::AddedMessage message;
  if (error) message.error = Error{*error, "test"};
  return message;
}

std::string verdicts(const MessageResult& result) {
  if (result.refusal) return "all " + std::to_string(result.refusal->reply.code);
  std::string all;
  for (const auto& refusal : result.recipients)
    all += refusal ? std::to_string(refusal->reply.code) + " " : "ok ";
  return all;
}

TEST(Delivery, JudgesEachRecipientByItsTargets) {
  using Added = std::vector<storage::AddedMessage>;
  constexpr auto kFull = ErrorCode::kOverQuota;
  constexpr auto kGone = ErrorCode::kNotFound;
  struct Case {
    const char* name;
    Transaction transaction;
    std::vector<storage::MailResult> results;
    const char* want;
  };
  const Case cases[] = {
      {"stored", to({{at(1, 1)}}), {Added{added()}}, "ok "},
      {"full", to({{at(1, 1)}, {at(2, 1)}}), {Added{added(kFull), added()}}, "452 ok "},
      {"gone", to({{at(1, 1)}}), {Added{added(kGone)}}, "550 "},
      {"twice", to({{at(1, 1)}, {at(1, 1)}}), {Added{added(kFull)}}, "452 452 "},
      {"an alias has delivered if one target has it",
       to({{at(1, 1), at(2, 1)}}),
       {Added{added(kGone), added()}},
       "ok "},
      {"an alias without any",
       to({{at(1, 1), at(2, 1)}}),
       {Added{added(kGone), added(kGone)}},
       "550 "},
      {"queued",
       to({{at(1, 1)}, {at(2, 2)}}),
       {Added{added(kFull)}, storage::QueuedMessage{7}},
       "452 ok "},
      {"a result is missing", to({{at(1, 1)}, {at(2, 2)}}), {Added{added()}}, "ok 451 "},
      {"a result of another kind", to({{at(1, 1)}}), {storage::Done{}}, "451 "},
      {"too few results", to({{at(1, 1)}, {at(2, 1)}}), {Added{added()}}, "ok 451 "},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.name);
    const Delivery delivery(c.transaction, {}, Flavour::kLmtp);
    storage::MailOutcome outcome;
    outcome.results = c.results;
    outcome.lsn = Lsn{0xa3f1c8};
    const MessageResult result = delivery.judge(outcome);
    EXPECT_EQ(verdicts(result), c.want);
    EXPECT_EQ(result.id, "1-0000000000a3f1c8");
  }
}

TEST(Delivery, AnOutcomeThatIsAnErrorRefusesAll) {
  const Delivery delivery(to({{at(1, 1)}}), {}, Flavour::kSmtp);
  storage::MailOutcome outcome;
  outcome.error = Error{ErrorCode::kNotFound, "chunk gone"};
  EXPECT_EQ(verdicts(delivery.judge(outcome)), "all 451");
}

TEST(Delivery, WhatCannotBeStoredIsAlwaysATemporaryFailure) {
  for (int code = 0; code <= static_cast<int>(ErrorCode::kInternal); ++code) {
    const Refusal refusal = not_stored({static_cast<ErrorCode>(code), ""});
    EXPECT_EQ(refusal.reply.code / 100, 4);
    EXPECT_TRUE(refusal.reply.enhanced.starts_with("4."));
  }
  EXPECT_EQ(not_stored({ErrorCode::kNoSpace, ""}).reply.code, 452);
}

}  // namespace
}  // namespace everpost::node::smtp
