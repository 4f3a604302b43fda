// MailTxn -> the meta of a TXN record. Each put() fills one struct of mail_command.capnp.
#include "base/capnp.h"
#include "base/invariant.h"
#include "storage/machine/mail_command.capnp.h"
#include "storage/machine/mail_command.h"

namespace everpost::storage {
namespace {

// Text may hold NUL bytes; capnp's own conversion from a C string would stop there.
capnp::Text::Reader text(const std::string& from) { return {from.data(), from.size()}; }
capnp::Data::Reader data(const std::array<std::byte, 16>& id) {
  return {reinterpret_cast<const kj::byte*>(id.data()), id.size()};
}

void put(wire::Flags::Builder to, const Flags& from) {
  to.setSystem(from.system);
  if (from.keywords.empty()) return;
  auto keywords = to.initKeywords(static_cast<unsigned>(from.keywords.size()));
  for (unsigned i = 0; i < keywords.size(); ++i) keywords.set(i, text(from.keywords[i]));
}

void put(wire::Content::Builder to, const NewContent& from) {
  if (from.upload) to.setUpload(data(*from.upload));
  to.setChunks(from.chunks);
  to.setOwnBytes(from.own_bytes);
  to.setOwnCrc(from.own_crc);
  to.setSummaryBytes(from.summary_bytes);
  to.setSummaryCrc(from.summary_crc);
  to.setSize(from.size);
  to.setGuid(data(from.guid));
}

template <class Builder>
void put_uids(Builder to, const UidSet& from) {
  auto uids = to.initUids(static_cast<unsigned>(from.ranges().size() * 2));
  unsigned i = 0;
  for (const UidSet::Range& range : from.ranges()) {
    uids.set(i++, range.first.value);
    uids.set(i++, range.last.value);
  }
}

void put(wire::Command::Builder command, const AddMessage& from) {
  auto to = command.initAddMessage();
  auto targets = to.initTargets(static_cast<unsigned>(from.targets.size()));
  for (unsigned i = 0; i < targets.size(); ++i) {
    targets[i].setAccount(from.targets[i].account.value);
    targets[i].setMailbox(from.targets[i].mailbox.value);
  }
  put(to.initContent(), from.content);
  put(to.initFlags(), from.flags);
  to.setInternalDate(from.internal_date.micros);
  to.setEnforceQuota(from.enforce_quota);
}

wire::StoreFlags::Mode mode(StoreFlags::Mode from) {
  switch (from) {
    case StoreFlags::Mode::kReplace:
      return wire::StoreFlags::Mode::REPLACE;
    case StoreFlags::Mode::kAdd:
      return wire::StoreFlags::Mode::ADD;
    case StoreFlags::Mode::kRemove:
      return wire::StoreFlags::Mode::REMOVE;
  }
  INVARIANT(false, "a mode of StoreFlags");
}

void put(wire::Command::Builder command, const StoreFlags& from) {
  auto to = command.initStoreFlags();
  to.setMailbox(from.mailbox.value);
  put_uids(to, from.uids);
  to.setMode(mode(from.mode));
  put(to.initFlags(), from.flags);
  to.setConditional(from.unchanged_since.has_value());
  to.setUnchangedSince(from.unchanged_since.value_or(ModSeq{}).value);
}

void put(wire::Command::Builder command, const Expunge& from) {
  auto to = command.initExpunge();
  to.setMailbox(from.mailbox.value);
  put_uids(to, from.uids);
  to.setOnlyDeleted(from.only_deleted);
}

void put(wire::Command::Builder command, const CopyMessages& from) {
  auto to = command.initCopyMessages();
  to.setSource(from.source.value);
  put_uids(to, from.uids);
  to.setTarget(from.target.value);
  to.setMove(from.move);
  to.setEnforceQuota(from.enforce_quota);
}

void put(wire::Command::Builder command, const CreateMailbox& from) {
  auto to = command.initCreateMailbox();
  to.setAccount(from.account.value);
  to.setName(text(from.name));
  to.setSpecialUse(text(from.special_use));
}

void put(wire::Command::Builder command, const RenameMailbox& from) {
  auto to = command.initRenameMailbox();
  to.setAccount(from.account.value);
  to.setFrom(text(from.from));
  to.setTo(text(from.to));
}

void put(wire::Command::Builder command, const DeleteMailbox& from) {
  auto to = command.initDeleteMailbox();
  to.setAccount(from.account.value);
  to.setName(text(from.name));
}

void put(wire::Command::Builder command, const Subscribe& from) {
  auto to = command.initSubscribe();
  to.setAccount(from.account.value);
  to.setName(text(from.name));
  to.setOn(from.on);
}

void put(wire::Command::Builder command, const ClaimRecent& from) {
  command.initClaimRecent().setMailbox(from.mailbox.value);
}

void put(wire::Command::Builder command, const CreateAccount& from) {
  auto to = command.initCreateAccount();
  to.setAccount(from.account.value);
  to.setQuotaBytes(from.quota_bytes);
}

void put(wire::Command::Builder command, const SetQuota& from) {
  auto to = command.initSetQuota();
  to.setAccount(from.account.value);
  to.setQuotaBytes(from.quota_bytes);
}

void put(wire::Command::Builder command, const DeleteAccount& from) {
  command.initDeleteAccount().setAccount(from.account.value);
}

void put(wire::Command::Builder command, const QueueAdd& from) {
  auto to = command.initQueueAdd();
  to.setSender(text(from.sender));
  to.setEnvelopeId(text(from.envelope_id));
  to.setRet(text(from.ret));
  put(to.initContent(), from.content);
  auto recipients = to.initRecipients(static_cast<unsigned>(from.recipients.size()));
  for (unsigned i = 0; i < recipients.size(); ++i) {
    const QueueRecipient& recipient = from.recipients[i];
    recipients[i].setAddress(text(recipient.address));
    recipients[i].setAccount(recipient.account.value);
    recipients[i].setShard(recipient.shard.value);
    recipients[i].setOriginal(text(recipient.original));
    recipients[i].setNotify(text(recipient.notify));
  }
}

void put(wire::Command::Builder command, const QueueDone& from) {
  auto to = command.initQueueDone();
  to.setQueueId(from.queue_id);
  auto recipients = to.initRecipients(static_cast<unsigned>(from.recipients.size()));
  for (unsigned i = 0; i < recipients.size(); ++i) recipients.set(i, from.recipients[i]);
}

void put(wire::Command::Builder command, const Expire& from) {
  auto to = command.initExpire();
  to.setOpsBefore(from.ops_before);
  to.setUploadsBefore(from.uploads_before.micros);
}

}  // namespace

std::string encode(const MailTxn& txn) {
  capnp::word scratch[128] = {};  // a delivery fits; more is taken from the heap
  capnp::MallocMessageBuilder message{kj::arrayPtr(scratch, std::size(scratch))};
  auto to = message.initRoot<wire::MailTxn>();
  to.setOpHour(txn.op.hour);
  to.setOpFrontend(txn.op.frontend);
  to.setOpRandom(txn.op.random);
  to.setActor(txn.actor.value);
  auto commands = to.initCommands(static_cast<unsigned>(txn.commands.size()));
  for (unsigned i = 0; i < commands.size(); ++i)
    std::visit([&](const auto& command) { put(commands[i], command); }, txn.commands[i]);
  const auto words = capnp::messageToFlatArray(message);
  const auto bytes = words.asBytes();
  return {reinterpret_cast<const char*>(bytes.begin()), bytes.size()};
}

}  // namespace everpost::storage
