// Answer <-> bytes; the parts of answers are in answer_values.cc and outcome_wire.cc.
#include "cluster/router/answer_values.h"
#include "cluster/router/uid_pack.h"

namespace everpost::cluster {
namespace {

using namespace frame;

// ---- to the wire

using Attached = std::vector<std::string_view>;

struct PutAnswer {
  wire::Answer::Builder to;
  Attached& attached;

  void operator()(const Nothing&) { to.setNothing(); }
  void operator()(const storage::MailOutcome& from) { put(to.initOutcome(), from); }
  void operator()(const storage::Extent& from) { put(to.initExtent(), from); }
  void operator()(const storage::AccountInfo& from) {
    auto account = to.initAccount();
    account.setId(from.id.value);
    account.setQuotaBytes(from.quota_bytes);
    account.setUsedBytes(from.used_bytes);
    account.setMessages(from.messages);
  }
  void operator()(const storage::MailboxInfo& from) { put(to.initMailbox(), from); }
  void operator()(const MailboxesPage& from) {
    auto page = to.initMailboxes();
    put_list(page.initMailboxes(static_cast<unsigned>(from.mailboxes.size())), from.mailboxes);
    page.setMore(from.more);
    page.setView(from.view);
  }
  void operator()(const NamesPage& from) {
    auto page = to.initNames();
    auto names = page.initNames(static_cast<unsigned>(from.names.size()));
    for (unsigned i = 0; i < names.size(); ++i) names.set(i, text(from.names[i]));
    page.setMore(from.more);
  }
  void operator()(const MailStore::OpenMailbox& from) {
    auto open = to.initOpenMailbox();
    put(open.initMailbox(), from.mailbox);
    open.setUids(blob(pack(from.uids)));
    open.setFirstUnseen(from.first_unseen.value);
  }
  void operator()(const MessagesPage& from) {
    auto page = to.initMessages();
    put_list(page.initMessages(static_cast<unsigned>(from.messages.size())), from.messages);
    page.setMore(from.more);
  }
  void operator()(const storage::MailboxChanges& from) {
    auto changes = to.initChanges();
    put(changes.initMailbox(), from.mailbox);
    put_list(changes.initChanged(static_cast<unsigned>(from.changed.size())), from.changed);
    changes.setMore(blob(pack(from.more)));
    changes.setVanished(blob(pack(from.vanished)));
  }
  void operator()(const Texts& from) {
    auto sizes = to.initTexts(static_cast<unsigned>(from.texts.size()));
    for (unsigned i = 0; i < sizes.size(); ++i) {
      sizes.set(i, static_cast<std::uint32_t>(from.texts[i].size()));
      attached.push_back(from.texts[i]);
    }
  }
  void operator()(const QueuePage& from) {
    auto page = to.initQueue();
    put_list(page.initEntries(static_cast<unsigned>(from.entries.size())), from.entries);
    page.setMore(from.more);
  }
  void operator()(const Fired& from) {
    auto keys = to.initFired().initKeys(static_cast<unsigned>(from.keys.size()));
    for (unsigned i = 0; i < keys.size(); ++i) {
      keys[i].setId(from.keys[i].id);
      keys[i].setKind(static_cast<std::uint8_t>(from.keys[i].kind));
    }
  }
  void operator()(const storage::DirectoryOutcome& from) { put(to.initDirectoryOutcome(), from); }
};

std::string encode_error(const Error& error) {
  capnp::MallocMessageBuilder message;
  put(message.initRoot<wire::Answer>().initError(), error);
  return build(Kind::kAnswer, message, {});
}

// ---- from the wire

Result<Answer> read(wire::AccountInfo::Reader from) {
  return storage::AccountInfo{AccountId{from.getId()}, from.getQuotaBytes(), from.getUsedBytes(),
                              from.getMessages()};
}

Result<Answer> read(wire::Answer::Mailboxes::Reader from) {
  MailboxesPage page;
  ASSIGN_OR_RETURN(page.mailboxes,
                   get_list<storage::MailboxInfo>(from.getMailboxes(), "mailboxes in one answer",
                                                  WireLimits::names_page_entries));
  page.more = from.getMore();
  page.view = from.getView();
  return page;
}

Result<Answer> read(wire::Answer::Names::Reader from) {
  NamesPage page;
  const auto names = from.getNames();
  if (names.size() > WireLimits::names_page_entries)
    return beyond("names in one answer", WireLimits::names_page_entries);
  page.names.reserve(names.size());
  for (const auto one : names) {
    ASSIGN_OR_RETURN(std::string name, text(one, "a name", storage::MailLimits::name_bytes));
    page.names.push_back(std::move(name));
  }
  page.more = from.getMore();
  return page;
}

Result<Answer> read(wire::Answer::OpenMailbox::Reader from) {
  MailStore::OpenMailbox open;
  ASSIGN_OR_RETURN(open.mailbox, get(from.getMailbox()));
  ASSIGN_OR_RETURN(open.uids, unpack_list(view(from.getUids())));
  open.first_unseen = Uid{from.getFirstUnseen()};
  return open;
}

Result<std::vector<storage::MessageInfo>> read_messages(
    capnp::List<wire::MessageInfo>::Reader from) {
  return get_list<storage::MessageInfo>(from, "messages in one answer", WireLimits::page_entries);
}

Result<Answer> read(wire::Answer::Messages::Reader from) {
  MessagesPage page;
  ASSIGN_OR_RETURN(page.messages, read_messages(from.getMessages()));
  page.more = from.getMore();
  return page;
}

Result<Answer> read(wire::Answer::Changes::Reader from) {
  storage::MailboxChanges changes;
  ASSIGN_OR_RETURN(changes.mailbox, get(from.getMailbox()));
  ASSIGN_OR_RETURN(changes.changed, read_messages(from.getChanged()));
  ASSIGN_OR_RETURN(changes.more, unpack_set(view(from.getMore())));
  ASSIGN_OR_RETURN(changes.vanished, unpack_set(view(from.getVanished())));
  return changes;
}

Result<Answer> read_texts(capnp::List<std::uint32_t>::Reader sizes, std::string_view attached) {
  if (sizes.size() > WireLimits::ranges) return beyond("texts", WireLimits::ranges);
  Texts to;
  to.texts.reserve(sizes.size());
  for (const std::uint32_t size : sizes) {
    if (size > attached.size()) return corrupt("less text than its sizes say");
    to.texts.emplace_back(attached.substr(0, size));
    attached.remove_prefix(size);
  }
  if (!attached.empty()) return corrupt("more text than its sizes say");
  return to;
}

Result<Answer> read(wire::Answer::Queue::Reader from) {
  QueuePage page;
  ASSIGN_OR_RETURN(page.entries,
                   get_list<storage::QueueEntry>(from.getEntries(), "queue entries in one answer",
                                                 WireLimits::page_entries));
  page.more = from.getMore();
  return page;
}

Result<Answer> read(wire::Answer::Fired::Reader from) {
  const auto keys = from.getKeys();
  if (keys.size() > WireLimits::watch_keys)
    return beyond("watches in one answer", WireLimits::watch_keys);
  Fired fired;
  fired.keys.reserve(keys.size());
  for (const auto key : keys) {
    if (key.getKind() > 1) return corrupt("a watch of no kind");
    fired.keys.push_back({static_cast<WatchKey::Kind>(key.getKind()), key.getId()});
  }
  return fired;
}

template <class T>
Result<Answer> as_answer(Result<T> value) {
  if (!value) return std::move(value).error();
  return Answer(*std::move(value));
}

Result<Answer> read(wire::Answer::Reader from, std::string_view attached) {
  switch (from.which()) {
    case wire::Answer::ERROR:
      return get(from.getError());
    case wire::Answer::NOTHING:
      return Nothing{};
    case wire::Answer::OUTCOME:
      return as_answer(get(from.getOutcome()));
    case wire::Answer::EXTENT:
      return Answer(get(from.getExtent()));
    case wire::Answer::ACCOUNT:
      return read(from.getAccount());
    case wire::Answer::MAILBOX:
      return as_answer(get(from.getMailbox()));
    case wire::Answer::MAILBOXES:
      return read(from.getMailboxes());
    case wire::Answer::NAMES:
      return read(from.getNames());
    case wire::Answer::OPEN_MAILBOX:
      return read(from.getOpenMailbox());
    case wire::Answer::MESSAGES:
      return read(from.getMessages());
    case wire::Answer::CHANGES:
      return read(from.getChanges());
    case wire::Answer::TEXTS:
      return read_texts(from.getTexts(), attached);
    case wire::Answer::QUEUE:
      return read(from.getQueue());
    case wire::Answer::FIRED:
      return read(from.getFired());
    case wire::Answer::DIRECTORY_OUTCOME:
      return as_answer(get(from.getDirectoryOutcome()));
  }
  return Error{ErrorCode::kUnsupported, "an answer that is newer than this program"};
}

}  // namespace

std::string encode_answer(const Result<Answer>& answer) {
  if (!answer) return encode_error(answer.error());
  capnp::word scratch[256] = {};  // most answers fit; more is taken from the heap
  capnp::MallocMessageBuilder message{kj::arrayPtr(scratch, std::size(scratch))};
  Attached attached;
  std::visit(PutAnswer{message.initRoot<wire::Answer>(), attached}, *answer);
  std::string bytes = build(Kind::kAnswer, message, attached);
  if (bytes.size() <= WireLimits::answer_bytes) return bytes;
  return encode_error({ErrorCode::kTooLarge, "the answer has " + std::to_string(bytes.size()) +
                                                 " bytes, too many to be sent between nodes"});
}

Result<Answer> decode_answer(std::string_view bytes) {
  ASSIGN_OR_RETURN(const Parts parts, split(Kind::kAnswer, bytes, WireLimits::answer_bytes));
  return with_root<wire::Answer>(
      parts.message, [&](wire::Answer::Reader from) { return read(from, parts.attached); });
}

}  // namespace everpost::cluster
