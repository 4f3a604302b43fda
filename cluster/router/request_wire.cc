// Request <-> bytes. Each put() fills one member of mail_wire.capnp's Request, each get() reads
// one; what a request holds is checked for its shape and size here, for its sense where it is
// served.
#include "base/capnp.h"
#include "cluster/router/mail_wire.capnp.h"
#include "cluster/router/mail_wire.h"
#include "cluster/router/uid_pack.h"
#include "cluster/router/wire_frame.h"

namespace everpost::cluster {
namespace {

using namespace frame;

// ---- to the wire

using Attached = std::vector<std::string_view>;

void put(wire::Request::Builder to, const SubmitRequest& from, Attached& attached) {
  to.setSubmit(blob(storage::encode(from.txn)));
  for (const SharedBytes& part : from.body) attached.push_back(*part);
}
void put(wire::Request::Builder to, const StageRequest& from, Attached& attached) {
  auto stage = to.initStage();
  stage.setUpload(blob(from.upload));
  stage.setN(from.n);
  attached.push_back(*from.bytes);
}
void put(wire::Request::Builder to, const AbortUploadRequest& from, Attached&) {
  to.setAbortUpload(blob(from.upload));
}
void put(wire::Request::Builder to, const AccountRequest& from, Attached&) {
  to.setAccount(from.account.value);
}
void put(wire::Request::Builder to, const MailboxesRequest& from, Attached&) {
  auto page = to.initMailboxes();
  page.setAccount(from.account.value);
  page.setAfter(text(from.after));
}
void put(wire::Request::Builder to, const SubscriptionsRequest& from, Attached&) {
  auto page = to.initSubscriptions();
  page.setAccount(from.account.value);
  page.setAfter(text(from.after));
}
void put(wire::Request::Builder to, const FindMailboxRequest& from, Attached&) {
  auto find = to.initFindMailbox();
  find.setAccount(from.account.value);
  find.setName(text(from.name));
}
void put(wire::Request::Builder to, const OpenMailboxRequest& from, Attached&) {
  to.setOpenMailbox(from.mailbox.value);
}
void put(wire::Request::Builder to, const MessagesRequest& from, Attached&) {
  auto messages = to.initMessages();
  messages.setMailbox(from.mailbox.value);
  messages.setUids(blob(pack(from.uids)));
  messages.setLimit(from.limit);
}
void put(wire::Request::Builder to, const ChangesRequest& from, Attached&) {
  auto changes = to.initChanges();
  changes.setMailbox(from.mailbox.value);
  changes.setSince(from.since.value);
}
void put(wire::Request::Builder to, const ReadRequest& from, Attached&) {
  auto ranges = to.initRead(static_cast<unsigned>(from.ranges.size()));
  for (unsigned i = 0; i < ranges.size(); ++i) {
    const ByteRange& range = from.ranges[i];
    auto extents = ranges[i].initExtents(static_cast<unsigned>(range.extents.size()));
    for (unsigned j = 0; j < extents.size(); ++j) {
      extents[j].setAt(range.extents[j].at.value);
      extents[j].setBytes(range.extents[j].bytes);
      extents[j].setCrc(range.extents[j].crc);
    }
    ranges[i].setOffset(range.offset);
    ranges[i].setBytes(range.bytes);
  }
}
void put(wire::Request::Builder to, const QueueRequest& from, Attached&) {
  auto queue = to.initQueue();
  queue.setFrom(from.from);
  queue.setLimit(from.limit);
}
void put(capnp::List<wire::WatchKey>::Builder to, const std::vector<WatchKey>& from) {
  for (unsigned i = 0; i < to.size(); ++i) {
    to[i].setId(from[i].id);
    to[i].setKind(static_cast<std::uint8_t>(from[i].kind));
  }
}
void put(wire::Request::Builder to, const WatchRequest& from, Attached&) {
  auto watch = to.initWatch();
  watch.setSession(from.session);
  watch.setSeq(from.seq);
  watch.setHeard(from.heard);
  put(watch.initAdd(static_cast<unsigned>(from.add.size())), from.add);
  put(watch.initRemove(static_cast<unsigned>(from.remove.size())), from.remove);
  watch.setWaitMs(from.wait_ms);
}
void put(wire::Request::Builder to, const SubmitDirectoryRequest& from, Attached&) {
  to.setSubmitDirectory(blob(storage::encode(from.txn)));
}

// ---- from the wire

Bytes bytes(capnp::Data::Reader from) { return as_bytes(view(from)); }

Result<RequestBody> get_submit(capnp::Data::Reader from, std::string_view attached) {
  if (attached.size() > storage::kRecordBodyBytesMax)
    return Error{ErrorCode::kTooLarge, "the operation is too large for one log record"};
  SubmitRequest submit;
  ASSIGN_OR_RETURN(submit.txn, storage::decode_mail_txn(bytes(from)));
  if (!attached.empty()) submit.body.push_back(share(std::string(attached)));
  return submit;
}

Result<RequestBody> get(wire::Request::Stage::Reader from, std::string_view attached) {
  if (attached.size() > MailStore::kChunkBytes)
    return beyond("bytes of a chunk", MailStore::kChunkBytes);
  StageRequest stage;
  ASSIGN_OR_RETURN(stage.upload, id16(from.getUpload(), "an upload's id"));
  stage.n = from.getN();
  stage.bytes = share(std::string(attached));
  return stage;
}

template <class Page>
Result<RequestBody> get_page(wire::Request::NamesPage::Reader from) {
  Page page;
  page.account = AccountId{from.getAccount()};
  ASSIGN_OR_RETURN(page.after, text(from.getAfter(), "a name", storage::MailLimits::name_bytes));
  return page;
}

Result<RequestBody> get(wire::Request::FindMailbox::Reader from) {
  FindMailboxRequest find;
  find.account = AccountId{from.getAccount()};
  // What a client asks for may be any nonsense: the store answers that there is no such mailbox.
  ASSIGN_OR_RETURN(find.name, text(from.getName(), "a name", WireLimits::page_bytes));
  return find;
}

Result<RequestBody> get(wire::Request::Messages::Reader from) {
  MessagesRequest messages;
  messages.mailbox = MailboxId{from.getMailbox()};
  ASSIGN_OR_RETURN(messages.uids, unpack_set(view(from.getUids())));
  messages.limit = from.getLimit();
  return messages;
}

Result<RequestBody> get(capnp::List<wire::ByteRange>::Reader from) {
  if (from.size() > WireLimits::ranges) return beyond("ranges of bytes", WireLimits::ranges);
  ReadRequest read;
  read.ranges.reserve(from.size());
  std::size_t extents_left = WireLimits::extents;
  for (const auto one : from) {
    ByteRange& range = read.ranges.emplace_back();
    const auto extents = one.getExtents();
    if (extents.size() > extents_left) return beyond("extents", WireLimits::extents);
    extents_left -= extents.size();
    range.extents.reserve(extents.size());
    for (const auto extent : extents)
      range.extents.push_back({Lsn{extent.getAt()}, extent.getBytes(), extent.getCrc()});
    range.offset = one.getOffset();
    range.bytes = one.getBytes();
  }
  return read;
}

Result<std::vector<WatchKey>> get(capnp::List<wire::WatchKey>::Reader from) {
  if (from.size() > WireLimits::watch_keys) return beyond("watches", WireLimits::watch_keys);
  std::vector<WatchKey> keys;
  keys.reserve(from.size());
  for (const auto key : from) {
    if (key.getKind() > 1)
      return Error{ErrorCode::kUnsupported, "a watch of a kind that is newer than this program"};
    keys.push_back({static_cast<WatchKey::Kind>(key.getKind()), key.getId()});
  }
  return keys;
}

Result<RequestBody> get(wire::Request::Watch::Reader from) {
  WatchRequest watch;
  watch.session = from.getSession();
  watch.seq = from.getSeq();
  watch.heard = from.getHeard();
  ASSIGN_OR_RETURN(watch.add, get(from.getAdd()));
  ASSIGN_OR_RETURN(watch.remove, get(from.getRemove()));
  watch.wait_ms = from.getWaitMs();
  return watch;
}

Result<RequestBody> get_submit_directory(capnp::Data::Reader from) {
  SubmitDirectoryRequest submit;
  ASSIGN_OR_RETURN(submit.txn, storage::decode_directory_txn(bytes(from)));
  return submit;
}

Result<RequestBody> get_abort(capnp::Data::Reader from) {
  AbortUploadRequest abort;
  ASSIGN_OR_RETURN(abort.upload, id16(from, "an upload's id"));
  return abort;
}

Result<RequestBody> get(wire::Request::Reader from, std::string_view attached) {
  switch (from.which()) {
    case wire::Request::SUBMIT:
      return get_submit(from.getSubmit(), attached);
    case wire::Request::STAGE:
      return get(from.getStage(), attached);
    case wire::Request::ABORT_UPLOAD:
      return get_abort(from.getAbortUpload());
    case wire::Request::ACCOUNT:
      return AccountRequest{AccountId{from.getAccount()}};
    case wire::Request::MAILBOXES:
      return get_page<MailboxesRequest>(from.getMailboxes());
    case wire::Request::SUBSCRIPTIONS:
      return get_page<SubscriptionsRequest>(from.getSubscriptions());
    case wire::Request::FIND_MAILBOX:
      return get(from.getFindMailbox());
    case wire::Request::OPEN_MAILBOX:
      return OpenMailboxRequest{MailboxId{from.getOpenMailbox()}};
    case wire::Request::MESSAGES:
      return get(from.getMessages());
    case wire::Request::CHANGES:
      return ChangesRequest{MailboxId{from.getChanges().getMailbox()},
                            ModSeq{from.getChanges().getSince()}};
    case wire::Request::READ:
      return get(from.getRead());
    case wire::Request::QUEUE:
      return QueueRequest{from.getQueue().getFrom(), from.getQueue().getLimit()};
    case wire::Request::WATCH:
      return get(from.getWatch());
    case wire::Request::SUBMIT_DIRECTORY:
      return get_submit_directory(from.getSubmitDirectory());
  }
  return Error{ErrorCode::kUnsupported,
               "this node does not know the request: it runs an older version"};
}

}  // namespace

std::string encode(const Request& request) {
  capnp::word scratch[256] = {};  // most requests fit; more is taken from the heap
  capnp::MallocMessageBuilder message{kj::arrayPtr(scratch, std::size(scratch))};
  auto to = message.initRoot<wire::Request>();
  to.setShard(request.shard.value);
  Attached attached;
  std::visit([&](const auto& what) { put(to, what, attached); }, request.what);
  return build(Kind::kRequest, message, attached);
}

Result<Request> decode_request(std::string_view bytes) {
  ASSIGN_OR_RETURN(const Parts parts, split(Kind::kRequest, bytes, WireLimits::request_bytes));
  return with_root<wire::Request>(parts.message,
                                  [&](wire::Request::Reader from) -> Result<Request> {
                                    ASSIGN_OR_RETURN(RequestBody what, get(from, parts.attached));
                                    return Request{ShardId{from.getShard()}, std::move(what)};
                                  });
}

}  // namespace everpost::cluster
