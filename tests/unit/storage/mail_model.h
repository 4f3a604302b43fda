// What the clients of a mail shard asked for and were told, and whether the shard still has it so.
// All randomness comes from the generator that the caller hands in.
#pragma once

#include <map>
#include <random>
#include <string>
#include <vector>

#include "base/crc32c.h"
#include "storage/log/log.h"
#include "storage/machine/mail_command.h"
#include "storage/machine/mail_reader.h"

namespace everpost::storage {

class MailModel {
 public:
  using Random = std::mt19937_64;

  //   large_one_in   one message in so many has up to 10 kB, the others up to 1 kB
  explicit MailModel(std::uint32_t hour, std::uint64_t large_one_in = 12)
      : hour_(hour), large_one_in_(large_one_in) {}

  // One operation: chunks of an upload, if it has any, then the TXN. Asked for again it is the
  // same.
  struct Operation {
    std::vector<NewRecord> records;
    MailTxn txn;
    std::string message;  // of an AddMessage
  };
  Operation next(Random& random) {
    Operation operation;
    operation.txn.op = {hour_, 1, ++ops_};
    const MailboxId mailbox = any_mailbox(random);
    const auto kind = mailbox == MailboxId{} ? 0 : random() % 10;
    if (kind < 5)
      add_message(random, operation);
    else if (kind == 5)
      operation.txn.commands = {Expunge{mailbox, any_uids(random, mailbox), false}};
    else if (kind == 6)
      operation.txn.commands = {CopyMessages{mailbox, any_uids(random, mailbox),
                                             any_mailbox_of(random, mailbox), random() % 2 == 0}};
    else if (kind == 7 && random() % 4 == 0)
      operation.txn.commands = {
          CreateMailbox{mailboxes_.at(mailbox).account, "Box" + std::to_string(ops_), ""}};
    else
      operation.txn.commands = {StoreFlags{
          mailbox, any_uids(random, mailbox), static_cast<StoreFlags::Mode>(random() % 3),
          Flags{static_cast<std::uint16_t>(random() % 32), {}}, std::nullopt}};
    NewRecord record;
    record.meta = encode(operation.txn);
    if (!own_.empty()) record.body = {share(std::exchange(own_, {}))};
    operation.records.push_back(std::move(record));
    return operation;
  }

  // The operation was answered. Returns what is wrong with the answer.
  std::string acknowledge(const Operation& operation, const MailOutcome& outcome) {
    const MailCommand& command = operation.txn.commands[0];
    if (outcome.error) {
      // The messages may be gone, or be in the target already.
      if (std::holds_alternative<CopyMessages>(command)) return "";
      return "refused: " + to_string(*outcome.error);
    }
    if (outcome.results.size() != 1) return "an outcome without its result";
    const MailResult& result = outcome.results[0];
    if (const auto* added = std::get_if<std::vector<AddedMessage>>(&result))
      return note_added(operation, *added);
    if (const auto* created = std::get_if<CreatedMailbox>(&result)) {
      mailboxes_[created->mailbox].account = std::get<CreateMailbox>(command).account;
    } else if (const auto* stored = std::get_if<StoredFlags>(&result)) {
      note_flags(std::get<StoreFlags>(command), stored->changed);
    } else if (const auto* expunged = std::get_if<Expunged>(&result)) {
      Mailbox& mailbox = mailboxes_[std::get<Expunge>(command).mailbox];
      std::erase_if(mailbox.messages,
                    [&](const auto& entry) { return expunged->uids.contains(Uid{entry.first}); });
    } else if (const auto* copied = std::get_if<CopiedMessages>(&result)) {
      return note_copied(std::get<CopyMessages>(command), *copied);
    }
    return "";
  }

  // What the shard has otherwise than it told; empty: nothing. Errors are those of reading. Bodies
  // that are kCorrupt are only counted, for a test that damaged the log.
  Result<std::string> check(const MailReader& reader, const Log& log,
                            std::size_t& corrupt_bodies) const {
    for (const auto& [id, mailbox] : mailboxes_) {
      UidSet all;
      all.add(Uid{1}, Uid{UINT32_MAX});
      ASSIGN_OR_RETURN(const auto found, reader.messages(id, all, SIZE_MAX));
      const std::string where = "mailbox " + to_string(id) + ": ";
      if (found.size() != mailbox.messages.size())
        return where + std::to_string(found.size()) + " messages, told " +
               std::to_string(mailbox.messages.size());
      auto told = mailbox.messages.begin();
      for (const MessageInfo& info : found) {
        const auto& [uid, message] = *told++;
        const std::string which = where + "uid " + to_string(info.uid) + ": ";
        if (info.uid != Uid{uid}) return which + "told " + std::to_string(uid);
        if (info.flags.system != message.flags) return which + "other flags";
        if (info.size != message.bytes.size()) return which + "another size";
        ASSIGN_OR_RETURN(const bool same, same_bytes(info, message.bytes, log, corrupt_bodies));
        if (!same) return which + "other bytes";
      }
      ASSIGN_OR_RETURN(const MailboxInfo info, reader.mailbox(id));
      if (info.messages != mailbox.messages.size()) return where + "counts wrong";
      if (info.uid_next.value <= mailbox.last_uid) return where + "UIDNEXT fell";
    }
    return "";
  }

 private:
  static constexpr std::uint64_t kAccounts = 2;
  struct Message {
    std::string bytes;
    std::uint16_t flags = 0;
  };
  struct Mailbox {
    AccountId account;
    std::map<std::uint32_t, Message> messages;
    std::uint32_t last_uid = 0;  // the highest ever told
  };

  static std::string random_bytes(Random& random, std::size_t bytes) {
    std::string text;
    while (text.size() < bytes) append_le(text, std::uint64_t{random()});
    text.resize(bytes);
    return text;
  }

  MailboxId any_mailbox(Random& random) const {
    if (mailboxes_.empty()) return {};
    return std::next(mailboxes_.begin(), static_cast<long>(random() % mailboxes_.size()))->first;
  }
  // Another one of the same account, or itself.
  MailboxId any_mailbox_of(Random& random, MailboxId mailbox) const {
    const MailboxId other = any_mailbox(random);
    return mailboxes_.at(other).account == mailboxes_.at(mailbox).account ? other : mailbox;
  }
  UidSet any_uids(Random& random, MailboxId mailbox) const {
    UidSet uids;
    for (const auto& [uid, message] : mailboxes_.at(mailbox).messages)
      if (random() % 3 == 0) uids.add(Uid{uid});
    if (uids.empty()) uids.add(Uid{1});
    return uids;
  }

  void add_message(Random& random, Operation& operation) {
    AddMessage add;
    add.targets = {{AccountId{1 + random() % kAccounts}, MailboxId{}}};
    if (random() % 4 == 0) add.targets = {{AccountId{1}, {}}, {AccountId{2}, {}}};
    NewContent& content = add.content;
    if (random() % 6 == 0) {
      Uuid upload;
      for (std::byte& byte : upload) byte = static_cast<std::byte>(random());
      content.upload = upload;
      content.chunks = 1 + random() % 3;
      for (std::uint32_t n = 0; n < content.chunks; ++n) {
        NewRecord chunk;
        chunk.type = RecordType::kBodyChunk;
        chunk.meta = encode(BodyChunk{upload, n});
        chunk.body = {share(random_bytes(random, 1 + random() % 2500))};
        operation.message += *chunk.body[0];
        operation.records.push_back(std::move(chunk));
      }
    }
    own_ =
        random_bytes(random, random() % large_one_in_ == 0 ? random() % 10'000 : random() % 1000);
    if (operation.message.empty() && own_.empty()) own_ = "x";
    operation.message += own_;
    content.own_bytes = static_cast<std::uint32_t>(own_.size());
    content.own_crc = crc32c(as_bytes(own_));
    content.size = operation.message.size();
    for (std::byte& byte : content.guid) byte = static_cast<std::byte>(random());
    const std::string summary = "summary";
    content.summary_bytes = static_cast<std::uint32_t>(summary.size());
    content.summary_crc = crc32c(as_bytes(summary));
    own_ += summary;
    add.flags.system = static_cast<std::uint16_t>(random() % 2);
    operation.txn.commands = {std::move(add)};
  }

  std::string note_new(MailboxId id, Uid uid, Message message) {
    Mailbox& mailbox = mailboxes_[id];
    if (uid.value <= mailbox.last_uid)
      return "mailbox " + to_string(id) + ": uid " + to_string(uid) + " was used before";
    mailbox.last_uid = uid.value;
    mailbox.messages[uid.value] = std::move(message);
    return "";
  }
  std::string note_added(const Operation& operation, const std::vector<AddedMessage>& added) {
    const auto& command = std::get<AddMessage>(operation.txn.commands[0]);
    for (std::size_t i = 0; i < added.size(); ++i) {
      if (added[i].error) return "not added: " + to_string(*added[i].error);
      mailboxes_[added[i].mailbox].account = command.targets[i].account;
      const std::string wrong =
          note_new(added[i].mailbox, added[i].uid, {operation.message, command.flags.system});
      if (!wrong.empty()) return wrong;
    }
    return "";
  }
  void note_flags(const StoreFlags& command, const UidSet& changed) {
    for (auto& [uid, message] : mailboxes_[command.mailbox].messages) {
      if (!changed.contains(Uid{uid})) continue;
      switch (command.mode) {
        case StoreFlags::Mode::kReplace:
          message.flags = command.flags.system;
          break;
        case StoreFlags::Mode::kAdd:
          message.flags |= command.flags.system;
          break;
        case StoreFlags::Mode::kRemove:
          message.flags &= static_cast<std::uint16_t>(~command.flags.system);
          break;
      }
    }
  }
  std::string note_copied(const CopyMessages& command, const CopiedMessages& copied) {
    for (std::size_t i = 0; i < copied.from.size(); ++i) {
      auto& source = mailboxes_[command.source].messages;
      const auto found = source.find(copied.from[i].value);
      if (found == source.end()) return "copied what is not there";
      Message message = found->second;
      if (command.move) source.erase(found);
      const std::string wrong = note_new(command.target, copied.to[i], std::move(message));
      if (!wrong.empty()) return wrong;
    }
    return "";
  }

  static Result<bool> same_bytes(const MessageInfo& info, const std::string& told, const Log& log,
                                 std::size_t& corrupt) {
    std::string bytes;
    for (const Extent& extent : info.content) {
      const auto part = log.read(extent);
      if (!part && part.error().code == ErrorCode::kCorrupt) return ++corrupt, true;
      if (!part) return part.error();
      bytes += *part;
    }
    const auto summary = log.read(info.summary);
    if (!summary && summary.error().code == ErrorCode::kCorrupt) return ++corrupt, true;
    if (!summary) return summary.error();
    return bytes == told && *summary == "summary";
  }

  const std::uint32_t hour_;
  const std::uint64_t large_one_in_;
  std::uint64_t ops_ = 0;
  std::string own_;  // what the next TXN's record carries
  std::map<MailboxId, Mailbox> mailboxes_;
};

}  // namespace everpost::storage
