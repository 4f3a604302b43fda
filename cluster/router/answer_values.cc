#include "cluster/router/answer_values.h"

#include <algorithm>
#include <array>

namespace everpost::cluster::frame {
namespace {

using Limits = storage::MailLimits;

// All of them, so that one can be found by its name.
constexpr std::array kCodes{
    ErrorCode::kInvalidArgument, ErrorCode::kNotFound,
    ErrorCode::kAlreadyExists,   ErrorCode::kPermissionDenied,
    ErrorCode::kOverQuota,       ErrorCode::kLimit,
    ErrorCode::kTooLarge,        ErrorCode::kConflict,
    ErrorCode::kNoSpace,         ErrorCode::kIo,
    ErrorCode::kCorrupt,         ErrorCode::kFenced,
    ErrorCode::kNotPrimary,      ErrorCode::kBusy,
    ErrorCode::kUnavailable,     ErrorCode::kTimeout,
    ErrorCode::kClosed,          ErrorCode::kUnsupported,
    ErrorCode::kInternal,
};

void put(capnp::List<capnp::Text>::Builder to, const std::vector<std::string>& from) {
  for (unsigned i = 0; i < to.size(); ++i) to.set(i, text(from[i]));
}

Result<std::vector<std::string>> keywords(capnp::List<capnp::Text>::Reader from) {
  if (from.size() > Limits::keywords) return beyond("keywords", Limits::keywords);
  std::vector<std::string> all;
  all.reserve(from.size());
  for (const auto one : from) {
    ASSIGN_OR_RETURN(std::string keyword, text(one, "a keyword", Limits::keyword_bytes));
    all.push_back(std::move(keyword));
  }
  return all;
}

Result<std::vector<storage::Extent>> extents(capnp::List<wire::Extent>::Reader from) {
  if (from.size() > WireLimits::extents) return beyond("extents", WireLimits::extents);
  std::vector<storage::Extent> all;
  all.reserve(from.size());
  for (const auto one : from) all.push_back(get(one));
  return all;
}

Result<std::string> address(capnp::Text::Reader from) {
  return text(from, "an address", Limits::address_bytes);
}

}  // namespace

ErrorCode error_code_named(std::string_view name) {
  const auto code = std::ranges::find(kCodes, name, [](ErrorCode c) { return to_string(c); });
  return code == kCodes.end() ? ErrorCode::kInternal : *code;
}

void put(wire::Error::Builder to, const Error& from) {
  to.setCode(text(to_string(from.code)));
  to.setContext(text(std::string_view(from.context).substr(0, WireLimits::error_context_bytes)));
}

Error get(wire::Error::Reader from) {
  const capnp::Text::Reader name = from.getCode(), words = from.getContext();
  std::string context(words.begin(),
                      std::min<std::size_t>(words.size(), WireLimits::error_context_bytes));
  return {error_code_named({name.begin(), name.size()}), std::move(context)};
}

void put(wire::Extent::Builder to, const storage::Extent& from) {
  to.setAt(from.at.value);
  to.setBytes(from.bytes);
  to.setCrc(from.crc);
}

storage::Extent get(wire::Extent::Reader from) {
  return {Lsn{from.getAt()}, from.getBytes(), from.getCrc()};
}

void put(wire::MailboxInfo::Builder to, const storage::MailboxInfo& from) {
  to.setId(from.id.value);
  to.setAccount(from.account.value);
  to.setName(text(from.name));
  to.setSpecialUse(text(from.special_use));
  to.setSelectable(from.selectable);
  to.setUidValidity(from.uid_validity.value);
  to.setUidNext(from.uid_next.value);
  to.setFirstRecent(from.first_recent.value);
  to.setHighestModseq(from.highest_modseq.value);
  to.setMessages(from.messages);
  to.setUnseen(from.unseen);
  to.setDeleted(from.deleted);
  to.setBytes(from.bytes);
  put(to.initKeywords(static_cast<unsigned>(from.keywords.size())), from.keywords);
}

Result<storage::MailboxInfo> get(wire::MailboxInfo::Reader from) {
  storage::MailboxInfo to;
  to.id = MailboxId{from.getId()};
  to.account = AccountId{from.getAccount()};
  ASSIGN_OR_RETURN(to.name, text(from.getName(), "a mailbox name", Limits::name_bytes));
  ASSIGN_OR_RETURN(to.special_use, text(from.getSpecialUse(), "a special use", Limits::name_bytes));
  to.selectable = from.getSelectable();
  to.uid_validity = UidValidity{from.getUidValidity()};
  to.uid_next = Uid{from.getUidNext()};
  to.first_recent = Uid{from.getFirstRecent()};
  to.highest_modseq = ModSeq{from.getHighestModseq()};
  to.messages = from.getMessages();
  to.unseen = from.getUnseen();
  to.deleted = from.getDeleted();
  to.bytes = from.getBytes();
  ASSIGN_OR_RETURN(to.keywords, keywords(from.getKeywords()));
  return to;
}

void put(wire::MessageInfo::Builder to, const storage::MessageInfo& from) {
  to.setUid(from.uid.value);
  to.setModseq(from.modseq.value);
  to.setInternalDate(from.internal_date.micros);
  to.setSaveDate(from.save_date.micros);
  to.setSize(from.size);
  to.setFlags(from.flags.system);
  if (!from.flags.keywords.empty())
    put(to.initKeywords(static_cast<unsigned>(from.flags.keywords.size())), from.flags.keywords);
  to.setGuid(blob(from.guid));
  put_list(to.initContent(static_cast<unsigned>(from.content.size())), from.content);
  put(to.initSummary(), from.summary);
}

Result<storage::MessageInfo> get(wire::MessageInfo::Reader from) {
  storage::MessageInfo to;
  to.uid = Uid{from.getUid()};
  to.modseq = ModSeq{from.getModseq()};
  to.internal_date = WallTime{from.getInternalDate()};
  to.save_date = WallTime{from.getSaveDate()};
  to.size = from.getSize();
  to.flags.system = from.getFlags();
  ASSIGN_OR_RETURN(to.flags.keywords, keywords(from.getKeywords()));
  ASSIGN_OR_RETURN(to.guid, id16(from.getGuid(), "a guid"));
  ASSIGN_OR_RETURN(to.content, extents(from.getContent()));
  to.summary = get(from.getSummary());
  return to;
}

void put(wire::QueueEntry::Builder to, const storage::QueueEntry& from) {
  to.setQueueId(from.queue_id);
  to.setAccepted(from.accepted.micros);
  to.setSender(text(from.sender));
  to.setEnvelopeId(text(from.envelope_id));
  to.setRet(text(from.ret));
  to.setSize(from.size);
  to.setGuid(blob(from.guid));
  put_list(to.initContent(static_cast<unsigned>(from.content.size())), from.content);
  put(to.initSummary(), from.summary);
  auto recipients = to.initRecipients(static_cast<unsigned>(from.recipients.size()));
  for (unsigned i = 0; i < recipients.size(); ++i) {
    const storage::QueueRecipient& recipient = from.recipients[i];
    recipients[i].setAddress(text(recipient.address));
    recipients[i].setAccount(recipient.account.value);
    recipients[i].setShard(recipient.shard.value);
    recipients[i].setOriginal(text(recipient.original));
    recipients[i].setNotify(text(recipient.notify));
    recipients[i].setDone(from.done[i]);
  }
}

Result<storage::QueueEntry> get(wire::QueueEntry::Reader from) {
  storage::QueueEntry to;
  to.queue_id = from.getQueueId();
  to.accepted = WallTime{from.getAccepted()};
  ASSIGN_OR_RETURN(to.sender, address(from.getSender()));
  ASSIGN_OR_RETURN(to.envelope_id, address(from.getEnvelopeId()));
  ASSIGN_OR_RETURN(to.ret, address(from.getRet()));
  to.size = from.getSize();
  ASSIGN_OR_RETURN(to.guid, id16(from.getGuid(), "a guid"));
  ASSIGN_OR_RETURN(to.content, extents(from.getContent()));
  to.summary = get(from.getSummary());
  const auto recipients = from.getRecipients();
  if (recipients.size() > Limits::recipients) return beyond("recipients", Limits::recipients);
  to.recipients.reserve(recipients.size());
  to.done.reserve(recipients.size());
  for (const auto one : recipients) {
    storage::QueueRecipient& recipient = to.recipients.emplace_back();
    ASSIGN_OR_RETURN(recipient.address, address(one.getAddress()));
    recipient.account = AccountId{one.getAccount()};
    recipient.shard = ShardId{one.getShard()};
    ASSIGN_OR_RETURN(recipient.original, address(one.getOriginal()));
    ASSIGN_OR_RETURN(recipient.notify, address(one.getNotify()));
    to.done.push_back(one.getDone());
  }
  return to;
}

}  // namespace everpost::cluster::frame

namespace everpost::cluster {

std::size_t wire_bytes(const storage::MailboxInfo& mailbox) {
  std::size_t bytes = 128 + mailbox.name.size() + mailbox.special_use.size();
  for (const std::string& keyword : mailbox.keywords) bytes += keyword.size() + 16;
  return bytes;
}

std::size_t wire_bytes(const storage::MessageInfo& message) {
  std::size_t bytes = 128 + 16 * message.content.size();
  for (const std::string& keyword : message.flags.keywords) bytes += keyword.size() + 16;
  return bytes;
}

std::size_t wire_bytes(const storage::QueueEntry& entry) {
  std::size_t bytes = 192 + entry.sender.size() + entry.envelope_id.size() + entry.ret.size() +
                      16 * entry.content.size();
  for (const storage::QueueRecipient& to : entry.recipients)
    bytes += 72 + to.address.size() + to.original.size() + to.notify.size();
  return bytes;
}

}  // namespace everpost::cluster
