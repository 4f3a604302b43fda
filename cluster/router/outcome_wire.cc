// The outcomes of writes <-> bytes. Unlike what the index remembers of them, they keep the words of
// their errors.
#include "cluster/router/answer_values.h"
#include "cluster/router/uid_pack.h"

namespace everpost::cluster::frame {
namespace {

using namespace storage;

struct PutResult {
  wire::MailResult::Builder to;

  void operator()(const Done&) { to.setDone(); }
  void operator()(const std::vector<AddedMessage>& from) {
    auto added = to.initAdded(static_cast<unsigned>(from.size()));
    for (unsigned i = 0; i < added.size(); ++i) {
      if (from[i].error) put(added[i].initError(), *from[i].error);
      added[i].setMailbox(from[i].mailbox.value);
      added[i].setUidValidity(from[i].uid_validity.value);
      added[i].setUid(from[i].uid.value);
      added[i].setModseq(from[i].modseq.value);
    }
  }
  void operator()(const StoredFlags& from) {
    auto stored = to.initStored();
    stored.setChanged(blob(pack(from.changed)));
    stored.setModified(blob(pack(from.modified)));
    stored.setModseq(from.modseq.value);
  }
  void operator()(const Expunged& from) {
    auto expunged = to.initExpunged();
    expunged.setUids(blob(pack(from.uids)));
    expunged.setModseq(from.modseq.value);
  }
  void operator()(const CopiedMessages& from) {
    auto copied = to.initCopied();
    copied.setUidValidity(from.uid_validity.value);
    auto sources = copied.initFrom(static_cast<unsigned>(from.from.size()));
    for (unsigned i = 0; i < sources.size(); ++i) sources.set(i, from.from[i].value);
    auto targets = copied.initTo(static_cast<unsigned>(from.to.size()));
    for (unsigned i = 0; i < targets.size(); ++i) targets.set(i, from.to[i].value);
    copied.setSourceModseq(from.source_modseq.value);
  }
  void operator()(const CreatedMailbox& from) {
    auto created = to.initCreated();
    created.setMailbox(from.mailbox.value);
    created.setUidValidity(from.uid_validity.value);
  }
  void operator()(const ClaimedRecent& from) { to.setFirstRecent(from.first_recent.value); }
  void operator()(const QueuedMessage& from) { to.setQueueId(from.queue_id); }
};

Result<AddedMessage> read(wire::MailResult::Added::Reader from) {
  AddedMessage to;
  if (from.hasError()) to.error = get(from.getError());
  to.mailbox = MailboxId{from.getMailbox()};
  to.uid_validity = UidValidity{from.getUidValidity()};
  to.uid = Uid{from.getUid()};
  to.modseq = ModSeq{from.getModseq()};
  return to;
}

Result<MailResult> read_added(capnp::List<wire::MailResult::Added>::Reader from) {
  if (from.size() > MailLimits::targets) return beyond("targets", MailLimits::targets);
  std::vector<AddedMessage> to;
  to.reserve(from.size());
  for (const auto one : from) {
    ASSIGN_OR_RETURN(AddedMessage added, read(one));
    to.push_back(std::move(added));
  }
  return MailResult(std::move(to));
}

Result<MailResult> read(wire::MailResult::Stored::Reader from) {
  StoredFlags to;
  ASSIGN_OR_RETURN(to.changed, unpack_set(view(from.getChanged())));
  ASSIGN_OR_RETURN(to.modified, unpack_set(view(from.getModified())));
  to.modseq = ModSeq{from.getModseq()};
  return to;
}

Result<MailResult> read(wire::MailResult::Expunged::Reader from) {
  Expunged to;
  ASSIGN_OR_RETURN(to.uids, unpack_set(view(from.getUids())));
  to.modseq = ModSeq{from.getModseq()};
  return to;
}

Result<std::vector<Uid>> read(capnp::List<std::uint32_t>::Reader from) {
  if (from.size() > MailLimits::messages) return beyond("messages", MailLimits::messages);
  std::vector<Uid> to;
  to.reserve(from.size());
  for (const std::uint32_t uid : from) to.push_back(Uid{uid});
  return to;
}

Result<MailResult> read(wire::MailResult::Copied::Reader from) {
  CopiedMessages to;
  to.uid_validity = UidValidity{from.getUidValidity()};
  ASSIGN_OR_RETURN(to.from, read(from.getFrom()));
  ASSIGN_OR_RETURN(to.to, read(from.getTo()));
  if (to.from.size() != to.to.size()) return corrupt("copies without their originals");
  to.source_modseq = ModSeq{from.getSourceModseq()};
  return to;
}

Result<MailResult> read(wire::MailResult::Reader from) {
  switch (from.which()) {
    case wire::MailResult::DONE:
      return Done{};
    case wire::MailResult::ADDED:
      return read_added(from.getAdded());
    case wire::MailResult::STORED:
      return read(from.getStored());
    case wire::MailResult::EXPUNGED:
      return read(from.getExpunged());
    case wire::MailResult::COPIED:
      return read(from.getCopied());
    case wire::MailResult::CREATED:
      return CreatedMailbox{MailboxId{from.getCreated().getMailbox()},
                            UidValidity{from.getCreated().getUidValidity()}};
    case wire::MailResult::FIRST_RECENT:
      return ClaimedRecent{Uid{from.getFirstRecent()}};
    case wire::MailResult::QUEUE_ID:
      return QueuedMessage{from.getQueueId()};
  }
  return Error{ErrorCode::kUnsupported, "a result that is newer than this program"};
}

}  // namespace

void put(wire::MailOutcome::Builder to, const MailOutcome& from) {
  to.setLsn(from.lsn.value);
  to.setRepeated(from.repeated);
  if (from.error) put(to.initError(), *from.error);
  auto results = to.initResults(static_cast<unsigned>(from.results.size()));
  for (unsigned i = 0; i < results.size(); ++i) std::visit(PutResult{results[i]}, from.results[i]);
}

Result<MailOutcome> get(wire::MailOutcome::Reader from) {
  MailOutcome to;
  to.lsn = Lsn{from.getLsn()};
  to.repeated = from.getRepeated();
  if (from.hasError()) to.error = get(from.getError());
  const auto results = from.getResults();
  if (results.size() > MailLimits::commands) return beyond("results", MailLimits::commands);
  to.results.reserve(results.size());
  for (const auto one : results) {
    ASSIGN_OR_RETURN(MailResult result, read(one));
    to.results.push_back(std::move(result));
  }
  return to;
}

void put(wire::DirectoryOutcome::Builder to, const DirectoryOutcome& from) {
  to.setLsn(from.lsn.value);
  to.setRepeated(from.repeated);
  if (from.error) put(to.initError(), *from.error);
  if (!from.account) return;
  auto account = to.initAccount();
  account.setId(from.account->id.value);
  account.setShard(from.account->shard.value);
  account.setAddress(text(from.account->address));
  account.setDisplayName(text(from.account->display_name));
  account.setQuotaBytes(from.account->quota_bytes);
  account.setEnabled(from.account->enabled);
  account.setCreated(from.account->created.micros);
}

Result<DirectoryOutcome> get(wire::DirectoryOutcome::Reader from) {
  DirectoryOutcome to;
  to.lsn = Lsn{from.getLsn()};
  to.repeated = from.getRepeated();
  if (from.hasError()) to.error = get(from.getError());
  if (!from.hasAccount()) return to;
  const auto account = from.getAccount();
  AccountRecord& record = to.account.emplace();
  record.id = AccountId{account.getId()};
  record.shard = ShardId{account.getShard()};
  ASSIGN_OR_RETURN(record.address,
                   text(account.getAddress(), "an address", DirectoryLimits::address_bytes));
  ASSIGN_OR_RETURN(record.display_name, text(account.getDisplayName(), "a display name",
                                             DirectoryLimits::display_name_bytes));
  record.quota_bytes = account.getQuotaBytes();
  record.enabled = account.getEnabled();
  record.created = WallTime{account.getCreated()};
  return to;
}

}  // namespace everpost::cluster::frame
