// A mail shard to test: a real index (LevelDB on files in memory), and a log that exists only as
// the positions it would give its records.
#pragma once

#include <gtest/gtest.h>
#include <map>

#include "base/crc32c.h"
#include "storage/env/memory_env.h"
#include "storage/index/index.h"
#include "storage/machine/mail_machine.h"
#include "storage/machine/mail_reader.h"

namespace everpost::storage {

// A record before it has its place: what a frontend would propose.
struct Proposed {
  RecordType type = RecordType::kTxn;
  std::string meta;
  std::string body;
  std::int64_t micros_later = 0;  // time that passes before it
};

class MailShard {
 public:
  static constexpr WallTime kStart{1'800'000'000'000'000};  // January 2027
  static constexpr std::uint32_t kHour = 500'000;           // of kStart

  MailShard() { open(); }

  void open() {
    index_.reset();
    ASSERT_TRUE(env_.make_folder("index"));
    auto index = Index::open(env_, "index", 8 << 20);
    ASSERT_TRUE(index) << to_string(index.error());
    index_ = *std::move(index);
  }
  Index& index() { return *index_; }

  // Applies records as one group.
  std::vector<MailApplied> apply_all(const std::vector<Proposed>& records) {
    std::vector<MailApplied> told;
    const auto txn = index_->begin();
    MailMachine machine(*txn);
    for (const Proposed& record : records) {
      auto applied = machine.apply(next_header(record), as_bytes(record.meta));
      EXPECT_TRUE(applied) << to_string(applied.error());
      if (applied) told.push_back(*std::move(applied));
    }
    const auto finished = machine.finish();
    EXPECT_TRUE(finished) << to_string(finished.error());
    const auto committed = txn->commit(end_);
    EXPECT_TRUE(committed) << to_string(committed.error());
    return told;
  }
  MailApplied apply(const Proposed& record) {
    auto told = apply_all({record});
    return told.empty() ? MailApplied{} : std::move(told.front());
  }

  OpId new_op() { return {hour(), 1, ++last_op_ * 64 + 1}; }  // no sweep is due
  OpId sweeping_op() { return {hour(), 1, ++last_op_ * 64}; }
  std::uint32_t hour() const { return static_cast<std::uint32_t>(time.micros / 3'600'000'000); }

  MailOutcome run(MailTxn txn, std::string body = {}) {
    if (txn.op == OpId{}) txn.op = new_op();
    last = apply({RecordType::kTxn, encode(txn), std::move(body)});
    return last.outcome.value_or(MailOutcome{});
  }
  MailOutcome run(MailCommand command, std::string body = {}) {
    MailTxn txn;
    txn.commands.push_back(std::move(command));
    return run(std::move(txn), std::move(body));
  }
  // The result of a command that must succeed.
  template <class T, class Command>
  T must(Command command, std::string body = {}) {
    const MailOutcome outcome = run(MailCommand(std::move(command)), std::move(body));
    EXPECT_FALSE(outcome.error) << to_string(*outcome.error);
    if (outcome.results.size() != 1) return T{};
    const T* result = std::get_if<T>(&outcome.results[0]);
    EXPECT_NE(result, nullptr);
    return result ? *result : T{};
  }
  template <class Command>
  ErrorCode refusal(Command command) {
    const MailOutcome outcome = run(MailCommand(std::move(command)));
    EXPECT_TRUE(outcome.error);
    return outcome.error ? outcome.error->code : ErrorCode::kInternal;
  }

  // A message of its own bytes and a short summary; `body` is set to what the record carries.
  static NewContent content(std::string_view message, std::string& body) {
    const std::string_view summary = "summary";
    NewContent content;
    content.own_bytes = static_cast<std::uint32_t>(message.size());
    content.own_crc = crc32c(as_bytes(message));
    content.summary_bytes = static_cast<std::uint32_t>(summary.size());
    content.summary_crc = crc32c(as_bytes(summary));
    content.size = message.size();
    for (std::size_t i = 0; i < 16; ++i)
      content.guid[i] = std::byte(message.size() * 7 + i + (message.empty() ? 0 : message[0]));
    body = std::string(message) + std::string(summary);
    return content;
  }
  AddedMessage add(AccountId account, MailboxId mailbox, std::string_view message = "Subject: x",
                   Flags flags = {}) {
    std::string body;
    AddMessage command;
    command.targets.push_back({account, mailbox});
    command.content = content(message, body);
    command.flags = std::move(flags);
    const auto added = must<std::vector<AddedMessage>>(std::move(command), body);
    EXPECT_EQ(added.size(), 1u);
    if (added.empty()) return {};
    EXPECT_FALSE(added[0].error);
    return added[0];
  }
  MailboxId create(AccountId account, std::string name) {
    return must<CreatedMailbox>(CreateMailbox{account, std::move(name), ""}).mailbox;
  }

  std::unique_ptr<MailReader> reader() {
    auto reader = make_mail_reader(index_->snapshot());
    EXPECT_TRUE(reader);
    return *std::move(reader);
  }
  MailboxInfo mailbox(MailboxId id) {
    const auto found = reader()->mailbox(id);
    EXPECT_TRUE(found) << to_string(found.error());
    return found ? *found : MailboxInfo{};
  }
  MailboxInfo mailbox(AccountId account, const std::string& name) {
    const auto found = reader()->find_mailbox(account, name);
    EXPECT_TRUE(found) << name << ": " << to_string(found.error());
    return found ? *found : MailboxInfo{};
  }
  std::vector<std::uint32_t> uids(MailboxId id) {
    std::vector<std::uint32_t> numbers;
    const auto found = reader()->uids(id);
    EXPECT_TRUE(found) << to_string(found.error());
    if (found)
      for (const Uid uid : *found) numbers.push_back(uid.value);
    return numbers;
  }
  MessageInfo message(MailboxId id, std::uint32_t uid) {
    UidSet uids;
    uids.add(Uid{uid});
    const auto found = reader()->messages(id, uids, 1);
    EXPECT_TRUE(found);
    EXPECT_EQ(found->size(), 1u) << "UID " << uid;
    return found && !found->empty() ? found->front() : MessageInfo{};
  }
  std::vector<std::string> names(AccountId account) {
    std::vector<std::string> names;
    const auto found = reader()->mailboxes(account);
    if (found)
      for (const MailboxInfo& one : *found) names.push_back(one.name);
    return names;
  }

  // Keys with their values, of the whole index or of a prefix.
  std::map<std::string, std::string> dump(std::string_view prefix = {}) {
    std::map<std::string, std::string> all;
    const auto scanned = index_->snapshot()->scan(
        prefix, {}, [&](std::string_view key, std::string_view value) -> Result<bool> {
          all.emplace(key, value);
          return true;
        });
    EXPECT_TRUE(scanned);
    return all;
  }

  RecordHeader next_header(const Proposed& record) {
    time.micros += record.micros_later;
    RecordHeader header;
    header.type = record.type;
    header.feature_level = 1;
    header.lsn = end_;
    header.meta_bytes = static_cast<std::uint32_t>(record.meta.size());
    header.body_bytes = static_cast<std::uint32_t>(record.body.size());
    header.body_crc = crc32c(as_bytes(record.body));
    header.time = time;
    time.micros += 1000;
    end_ = header.end();
    return header;
  }

  WallTime time = kStart;
  MailApplied last;  // what run() was told

 private:
  MemoryEnv env_;
  std::unique_ptr<Index> index_;
  Lsn end_{0};
  std::uint64_t last_op_ = 0;
};

inline UidSet uid_set(std::initializer_list<std::uint32_t> uids) {
  UidSet set;
  for (const std::uint32_t uid : uids) set.add(Uid{uid});
  return set;
}
inline UidSet uid_range(std::uint32_t first, std::uint32_t last) {
  UidSet set;
  set.add(Uid{first}, Uid{last});
  return set;
}

}  // namespace everpost::storage
