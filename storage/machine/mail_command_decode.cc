// The meta of a TXN record -> MailTxn. Each get() reads one struct of mail_command.capnp; what a
// struct holds is checked for its shape and size here, for its sense when it is applied.
#include "base/capnp.h"
#include "storage/machine/mail_command.capnp.h"
#include "storage/machine/mail_command.h"

namespace everpost::storage {
namespace {

Error corrupt(std::string what) { return {ErrorCode::kCorrupt, "mail command: " + what}; }
Error beyond(std::string_view what, std::size_t limit) {
  return {ErrorCode::kLimit,
          "mail command: more than " + std::to_string(limit) + " " + std::string(what)};
}

Result<std::string> text(capnp::Text::Reader from, std::string_view what, std::size_t bytes_max) {
  if (from.size() > bytes_max) return beyond("bytes of " + std::string(what), bytes_max);
  return std::string(from.begin(), from.size());
}

Result<std::array<std::byte, 16>> id16(capnp::Data::Reader from, std::string_view what) {
  std::array<std::byte, 16> id{};
  if (from.size() != id.size()) return corrupt(std::string(what) + " is not 16 bytes");
  std::memcpy(id.data(), from.begin(), id.size());
  return id;
}

Result<Flags> get(wire::Flags::Reader from) {
  Flags flags;
  flags.system = from.getSystem();
  const auto keywords = from.getKeywords();
  if (keywords.size() > MailLimits::keywords) return beyond("keywords", MailLimits::keywords);
  flags.keywords.reserve(keywords.size());
  for (const auto keyword : keywords) {
    ASSIGN_OR_RETURN(auto name, text(keyword, "a keyword", MailLimits::keyword_bytes));
    flags.keywords.push_back(std::move(name));
  }
  return flags;
}

Result<NewContent> get(wire::Content::Reader from) {
  NewContent content;
  if (from.getUpload().size() > 0) {
    ASSIGN_OR_RETURN(content.upload, id16(from.getUpload(), "an upload's id"));
  }
  content.chunks = from.getChunks();
  if (content.chunks > MailLimits::chunks) return beyond("chunks", MailLimits::chunks);
  if ((content.chunks > 0) != content.upload.has_value())
    return corrupt("chunks without an upload, or an upload without chunks");
  content.own_bytes = from.getOwnBytes();
  content.own_crc = from.getOwnCrc();
  content.summary_bytes = from.getSummaryBytes();
  content.summary_crc = from.getSummaryCrc();
  content.size = from.getSize();
  ASSIGN_OR_RETURN(content.guid, id16(from.getGuid(), "a guid"));
  return content;
}

Result<UidSet> get(capnp::List<std::uint32_t>::Reader from) {
  if (from.size() % 2 != 0) return corrupt("a UID set with half a range");
  if (from.size() / 2 > MailLimits::uid_ranges)
    return beyond("ranges of UIDs", MailLimits::uid_ranges);
  UidSet uids;
  std::uint64_t free_from = 1;  // the lowest UID that the next range may begin with
  for (unsigned i = 0; i < from.size(); i += 2) {
    const std::uint32_t first = from[i], last = from[i + 1];
    if (first < free_from || last < first) return corrupt("a UID set out of order");
    uids.add(Uid{first}, Uid{last});
    free_from = std::uint64_t{last} + 2;
  }
  return uids;
}

Result<MailCommand> get(wire::AddMessage::Reader from) {
  AddMessage add;
  const auto targets = from.getTargets();
  if (targets.size() > MailLimits::targets) return beyond("targets", MailLimits::targets);
  add.targets.reserve(targets.size());
  for (const auto target : targets)
    add.targets.push_back({AccountId{target.getAccount()}, MailboxId{target.getMailbox()}});
  ASSIGN_OR_RETURN(add.content, get(from.getContent()));
  ASSIGN_OR_RETURN(add.flags, get(from.getFlags()));
  add.internal_date = WallTime{from.getInternalDate()};
  add.enforce_quota = from.getEnforceQuota();
  return add;
}

Result<MailCommand> get(wire::StoreFlags::Reader from) {
  StoreFlags store;
  store.mailbox = MailboxId{from.getMailbox()};
  ASSIGN_OR_RETURN(store.uids, get(from.getUids()));
  switch (from.getMode()) {
    case wire::StoreFlags::Mode::REPLACE:
      store.mode = StoreFlags::Mode::kReplace;
      break;
    case wire::StoreFlags::Mode::ADD:
      store.mode = StoreFlags::Mode::kAdd;
      break;
    case wire::StoreFlags::Mode::REMOVE:
      store.mode = StoreFlags::Mode::kRemove;
      break;
    default:
      return Error{ErrorCode::kUnsupported, "mail command: a mode of StoreFlags that is newer"};
  }
  ASSIGN_OR_RETURN(store.flags, get(from.getFlags()));
  if (from.getConditional()) store.unchanged_since = ModSeq{from.getUnchangedSince()};
  return store;
}

Result<MailCommand> get(wire::Expunge::Reader from) {
  Expunge expunge;
  expunge.mailbox = MailboxId{from.getMailbox()};
  ASSIGN_OR_RETURN(expunge.uids, get(from.getUids()));
  expunge.only_deleted = from.getOnlyDeleted();
  return expunge;
}

Result<MailCommand> get(wire::CopyMessages::Reader from) {
  CopyMessages copy;
  copy.source = MailboxId{from.getSource()};
  ASSIGN_OR_RETURN(copy.uids, get(from.getUids()));
  copy.target = MailboxId{from.getTarget()};
  copy.move = from.getMove();
  copy.enforce_quota = from.getEnforceQuota();
  return copy;
}

Result<std::string> mailbox_name(capnp::Text::Reader from) {
  return text(from, "a mailbox name", MailLimits::name_bytes);
}

Result<MailCommand> get(wire::CreateMailbox::Reader from) {
  CreateMailbox create;
  create.account = AccountId{from.getAccount()};
  ASSIGN_OR_RETURN(create.name, mailbox_name(from.getName()));
  ASSIGN_OR_RETURN(create.special_use, mailbox_name(from.getSpecialUse()));
  return create;
}

Result<MailCommand> get(wire::RenameMailbox::Reader from) {
  RenameMailbox rename;
  rename.account = AccountId{from.getAccount()};
  ASSIGN_OR_RETURN(rename.from, mailbox_name(from.getFrom()));
  ASSIGN_OR_RETURN(rename.to, mailbox_name(from.getTo()));
  return rename;
}

Result<MailCommand> get(wire::DeleteMailbox::Reader from) {
  DeleteMailbox remove;
  remove.account = AccountId{from.getAccount()};
  ASSIGN_OR_RETURN(remove.name, mailbox_name(from.getName()));
  return remove;
}

Result<MailCommand> get(wire::Subscribe::Reader from) {
  Subscribe subscribe;
  subscribe.account = AccountId{from.getAccount()};
  ASSIGN_OR_RETURN(subscribe.name, mailbox_name(from.getName()));
  subscribe.on = from.getOn();
  return subscribe;
}

Result<MailCommand> get(wire::ClaimRecent::Reader from) {
  return ClaimRecent{MailboxId{from.getMailbox()}};
}

Result<MailCommand> get(wire::CreateAccount::Reader from) {
  return CreateAccount{AccountId{from.getAccount()}, from.getQuotaBytes()};
}

Result<MailCommand> get(wire::SetQuota::Reader from) {
  return SetQuota{AccountId{from.getAccount()}, from.getQuotaBytes()};
}

Result<MailCommand> get(wire::DeleteAccount::Reader from) {
  return DeleteAccount{AccountId{from.getAccount()}};
}

Result<std::string> address(capnp::Text::Reader from) {
  return text(from, "an envelope's field", MailLimits::address_bytes);
}

Result<MailCommand> get(wire::QueueAdd::Reader from) {
  QueueAdd add;
  ASSIGN_OR_RETURN(add.sender, address(from.getSender()));
  ASSIGN_OR_RETURN(add.envelope_id, address(from.getEnvelopeId()));
  ASSIGN_OR_RETURN(add.ret, address(from.getRet()));
  ASSIGN_OR_RETURN(add.content, get(from.getContent()));
  const auto recipients = from.getRecipients();
  if (recipients.size() > MailLimits::recipients)
    return beyond("recipients", MailLimits::recipients);
  add.recipients.reserve(recipients.size());
  for (const auto recipient : recipients) {
    QueueRecipient& to = add.recipients.emplace_back();
    ASSIGN_OR_RETURN(to.address, address(recipient.getAddress()));
    to.account = AccountId{recipient.getAccount()};
    to.shard = ShardId{recipient.getShard()};
    ASSIGN_OR_RETURN(to.original, address(recipient.getOriginal()));
    ASSIGN_OR_RETURN(to.notify, address(recipient.getNotify()));
  }
  return add;
}

Result<MailCommand> get(wire::QueueDone::Reader from) {
  QueueDone done;
  done.queue_id = from.getQueueId();
  const auto recipients = from.getRecipients();
  if (recipients.size() > MailLimits::recipients)
    return beyond("recipients", MailLimits::recipients);
  done.recipients.reserve(recipients.size());
  for (const std::uint16_t n : recipients) done.recipients.push_back(n);
  return done;
}

Result<MailCommand> get(wire::Expire::Reader from) {
  return Expire{from.getOpsBefore(), WallTime{from.getUploadsBefore()}};
}

Result<MailCommand> get(wire::Command::Reader from) {
  switch (from.which()) {
    case wire::Command::ADD_MESSAGE:
      return get(from.getAddMessage());
    case wire::Command::STORE_FLAGS:
      return get(from.getStoreFlags());
    case wire::Command::EXPUNGE:
      return get(from.getExpunge());
    case wire::Command::COPY_MESSAGES:
      return get(from.getCopyMessages());
    case wire::Command::CREATE_MAILBOX:
      return get(from.getCreateMailbox());
    case wire::Command::RENAME_MAILBOX:
      return get(from.getRenameMailbox());
    case wire::Command::DELETE_MAILBOX:
      return get(from.getDeleteMailbox());
    case wire::Command::SUBSCRIBE:
      return get(from.getSubscribe());
    case wire::Command::CLAIM_RECENT:
      return get(from.getClaimRecent());
    case wire::Command::CREATE_ACCOUNT:
      return get(from.getCreateAccount());
    case wire::Command::SET_QUOTA:
      return get(from.getSetQuota());
    case wire::Command::DELETE_ACCOUNT:
      return get(from.getDeleteAccount());
    case wire::Command::QUEUE_ADD:
      return get(from.getQueueAdd());
    case wire::Command::QUEUE_DONE:
      return get(from.getQueueDone());
    case wire::Command::EXPIRE:
      return get(from.getExpire());
  }
  return Error{ErrorCode::kUnsupported, "mail command: one that is newer than this program"};
}

OpId op_of(wire::MailTxn::Reader from) {
  return {from.getOpHour(), from.getOpFrontend(), from.getOpRandom()};
}

Result<MailTxn> get(wire::MailTxn::Reader from) {
  MailTxn txn;
  txn.op = op_of(from);
  txn.actor = AccountId{from.getActor()};
  const auto commands = from.getCommands();
  if (commands.size() == 0) return corrupt("no command");
  if (commands.size() > MailLimits::commands) return beyond("commands", MailLimits::commands);
  txn.commands.reserve(commands.size());
  for (const auto command : commands) {
    ASSIGN_OR_RETURN(auto decoded, get(command));
    txn.commands.push_back(std::move(decoded));
  }
  return txn;
}

// Calls `read` with the message in `meta`. Whatever is wrong with the message is a kCorrupt.
template <class T, class Read>
Result<T> with_message(Bytes meta, Read read) {
  if (meta.size() % sizeof(capnp::word) != 0) return corrupt("not a whole number of words");
  const std::size_t words = meta.size() / sizeof(capnp::word);
  kj::ArrayPtr<const capnp::word> message(reinterpret_cast<const capnp::word*>(meta.data()), words);
  kj::Array<capnp::word> aligned;
  if (reinterpret_cast<std::uintptr_t>(meta.data()) % alignof(capnp::word) != 0) {
    aligned = kj::heapArray<capnp::word>(words);
    std::memcpy(aligned.begin(), meta.data(), meta.size());
    message = aligned;
  }
  // Each part of a message is looked at once or twice; a message that refers to the same part over
  // and over would be read for ever.
  capnp::ReaderOptions options;
  options.traversalLimitInWords = words * 4 + 64;
  options.nestingLimit = 16;
  try {
    capnp::FlatArrayMessageReader reader(message, options);
    return read(reader.getRoot<wire::MailTxn>());
  } catch (const kj::Exception& exception) {
    return corrupt(exception.getDescription().cStr());
  }
}

}  // namespace

Result<MailTxn> decode_mail_txn(Bytes meta) {
  return with_message<MailTxn>(meta, [](wire::MailTxn::Reader from) { return get(from); });
}

Result<OpId> decode_mail_op(Bytes meta) {
  return with_message<OpId>(meta,
                            [](wire::MailTxn::Reader from) { return Result<OpId>(op_of(from)); });
}

}  // namespace everpost::storage
