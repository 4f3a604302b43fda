// A replica to test, over files in memory, led as cluster/ leads one in a group of one: a higher
// epoch at each start, groups of records appended, synced, then applied.
#pragma once

#include <gtest/gtest.h>
#include <memory>
#include <string>
#include <vector>

#include "base/crc32c.h"
#include "storage/env/memory_env.h"
#include "storage/replica/replica.h"

namespace everpost::storage {

inline ReplicaReign reign_of(Epoch epoch) {
  ReplicaReign reign;
  reign.epoch = epoch;
  return reign;
}

class ReplicaDriver {
 public:
  static constexpr std::uint32_t kHour = 500'000;  // of the first record's time

  ReplicaDriver(Env& env, ReplicaOptions options) : env_(env), options_(std::move(options)) {}

  static ReplicaOptions options(ShardKind kind = ShardKind::kMail) {
    ReplicaOptions options;
    options.folder = "shard-0007";
    options.cluster.fill(std::byte{0xc1});
    options.shard = ShardId{7};
    options.kind = kind;
    options.segment_bytes = 256 << 10;
    options.index_cache_bytes = 1 << 20;
    options.boot.fill(std::byte{1});
    return options;
  }
  void reboot() {
    options_.boot[0] = static_cast<std::byte>(std::to_integer<int>(options_.boot[0]) + 1);
  }

  // Opens the replica only.
  Result<void> open() {
    replica.reset();
    ASSIGN_OR_RETURN(replica, Replica::open(env_, options_, recovery));
    return {};
  }
  // ... and takes the shard over.
  Result<void> lead() {
    RETURN_IF_ERROR(open());
    epoch = Epoch{replica->reign().epoch.value + 1};
    RETURN_IF_ERROR(replica->set_reign(reign_of(epoch)));
    NewRecord start;
    start.type = RecordType::kEpochStart;
    RETURN_IF_ERROR(append({std::move(start)}));
    return apply_tail();
  }
  Result<void> apply_tail() {
    std::vector<Record> tail;
    RETURN_IF_ERROR(replica->log().scan(replica->applied(), replica->log().end(),
                                        [&](const Record& record) -> Result<bool> {
                                          tail.push_back(record);
                                          return true;
                                        }));
    RETURN_IF_ERROR(replica->apply(tail));
    return {};
  }

  // Appends and syncs a group.
  Result<std::vector<RecordHeader>> append(std::vector<NewRecord> group) {
    for (NewRecord& record : group) {
      record.time = {kHour * 3'600'000'000ll + ++micros_};
      record.seal();
    }
    ASSIGN_OR_RETURN(auto headers, replica->log().append(epoch, replica->log().durable(), group));
    ASSIGN_OR_RETURN(const Lsn durable, replica->log().sync());
    replica->note_durable(durable);
    return headers;
  }
  // ... and applies it, of whose bodies the applier sees nothing.
  Result<std::vector<Applied>> commit(const std::vector<NewRecord>& group) {
    ASSIGN_OR_RETURN(const auto headers, append(group));
    std::vector<Record> records(headers.size());
    for (std::size_t i = 0; i < headers.size(); ++i) {
      records[i].header = headers[i];
      records[i].meta = as_bytes(group[i].meta);
    }
    return replica->apply(records);
  }

  static NewRecord record(const MailTxn& txn, std::string body = {}) {
    NewRecord record;
    record.meta = encode(txn);
    if (!body.empty()) record.body.push_back(share(std::move(body)));
    return record;
  }
  static NewRecord record(const DirectoryTxn& txn) {
    NewRecord record;
    record.meta = encode(txn);
    return record;
  }
  static NewRecord mark(const CheckpointMark& mark) {
    NewRecord record;
    record.type = RecordType::kCheckpointMark;
    record.meta = encode(mark);
    return record;
  }

  // A message for an account's INBOX, all of it in the record.
  NewRecord delivery(AccountId account, const std::string& message) {
    AddMessage add;
    add.targets = {{account, MailboxId{0}}};
    add.content.own_bytes = static_cast<std::uint32_t>(message.size());
    add.content.own_crc = crc32c(as_bytes(message));
    add.content.size = message.size();
    return record(MailTxn{new_op(), account, {add}}, message);
  }
  OpId new_op() { return {kHour, 1, ++ops_}; }

  // What the log has for each message of a mailbox.
  Result<std::vector<std::string>> messages(MailboxId mailbox) {
    ASSIGN_OR_RETURN(const auto reader, replica->mail_reader());
    UidSet all;
    all.add(Uid{1}, Uid{UINT32_MAX});
    ASSIGN_OR_RETURN(const auto infos, reader->messages(mailbox, all, SIZE_MAX));
    std::vector<std::string> messages;
    for (const MessageInfo& info : infos) {
      std::string message;
      for (const Extent& extent : info.content) {
        ASSIGN_OR_RETURN(const std::string bytes, replica->log().read(extent));
        message += bytes;
      }
      messages.push_back(std::move(message));
    }
    return messages;
  }
  Result<std::vector<std::string>> inbox(AccountId account) {
    ASSIGN_OR_RETURN(const auto reader, replica->mail_reader());
    ASSIGN_OR_RETURN(const auto mailbox, reader->find_mailbox(account, "INBOX"));
    return messages(mailbox.id);
  }

  std::unique_ptr<Replica> replica;
  ReplicaRecovery recovery;
  Epoch epoch;

 private:
  Env& env_;
  ReplicaOptions options_;
  std::int64_t micros_ = 0;
  std::uint64_t ops_ = 0;
};

}  // namespace everpost::storage
