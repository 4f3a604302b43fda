// FETCH, RFC 3501 §6.4.5, with CHANGEDSINCE, RFC 7162 §3.1.4.1. The responses are made by
// fetch/fetch_stream.h; here their bytes are read and sent, a batch at a time.
#include <algorithm>

#include "base/log.h"
#include "node/imap/commands/commands.h"
#include "node/imap/commands/load_summaries.h"
#include "node/imap/commands/messages.h"
#include "node/imap/fetch/fetch_stream.h"

namespace everpost::node::imap {
namespace {

using Messages = std::vector<storage::MessageInfo>;
using Items = std::vector<FetchItem>;

constexpr std::size_t kBatch = 256;
constexpr std::uint64_t kReadBytes = 256 << 10;  // of texts, or of summaries, held at a time

bool has(const Items& items, FetchItem::Kind kind) {
  return std::ranges::find(items, kind, &FetchItem::kind) != items.end();
}

void want(Items& items, FetchItem::Kind kind) {
  if (!has(items, kind)) items.push_back({kind, {}});
}

bool is_unseen(const storage::MessageInfo& message) {
  return (message.flags.system & storage::kSeen) == 0;
}

// Is it this message only that cannot be read? Any other error is the store's: the next message
// would get it, too.
bool of_one_message(const Error& error) {
  switch (error.code) {
    case ErrorCode::kCorrupt:
    case ErrorCode::kIo:        // a bad sector
    case ErrorCode::kNotFound:  // of bytes: freed, the message has been expunged
    case ErrorCode::kTooLarge:
    case ErrorCode::kInvalidArgument:
    case ErrorCode::kInternal:
      return true;
    default:
      return false;
  }
}

// How sending went: an error of the store, if there was one, left nothing half said.
struct Sent {
  std::optional<Error> trouble;
};

class Fetch {
 public:
  Fetch(Session& session, Items items)
      : session_(session),
        items_(std::move(items)),
        sets_seen_(!session.selected->read_only &&
                   std::ranges::any_of(items_, &FetchItem::sets_seen)) {}

  // Sends the responses for a batch of messages. Errors: of the connection.
  Task<void> batch(storage::UidSet uids);
  // Why something is missing, other than messages that were expunged.
  const std::optional<Error>& failure() const { return failure_; }
  // The store does not answer, or the mailbox is gone: there is no point in the next batch.
  bool over() const { return over_; }

 private:
  Task<Messages> look_up(storage::UidSet uids);
  Task<bool> mark_seen(Messages messages);
  Task<void> send(Messages messages, Items items);
  Task<Sent> try_send(Messages messages, Items items);
  Task<Sent> pump(FetchStream& stream, std::string uids);
  void note(const storage::MessageInfo& message, Error error);

  Session& session_;
  const Items items_;
  const bool sets_seen_;
  std::optional<Error> failure_;
  bool over_ = false;
};

Task<void> Fetch::batch(storage::UidSet uids) {
  auto messages = co_await look_up(uids);
  Items items = items_;
  if (messages && sets_seen_ && std::ranges::any_of(*messages, is_unseen)) {
    const auto marked = co_await mark_seen(*messages);
    if (!marked) session_.log_error("setting \\Seen", marked.error());  // reading goes on without
    if (marked && *marked) {
      messages = co_await look_up(std::move(uids));
      // RFC 3501 §6.4.5: the changed flags are a part of the answer.
      want(items, FetchItem::Kind::kFlags);
      if (session_.condstore) want(items, FetchItem::Kind::kModSeq);
    }
  }
  if (!messages) {
    over_ = messages.error().code != ErrorCode::kCorrupt;  // which the next batch need not be
    failure_ = std::move(messages).error();
    co_return Result<void>{};
  }
  // Summaries have their bound in bytes, too.
  Messages part;
  std::uint64_t summary_bytes = 0;
  for (storage::MessageInfo& message : *messages) {
    if (!part.empty() && summary_bytes + message.summary.bytes > kReadBytes) {
      CO_CHECK(co_await send(std::exchange(part, {}), items));
      if (over_) co_return Result<void>{};
      summary_bytes = 0;
    }
    summary_bytes += message.summary.bytes;
    part.push_back(std::move(message));
  }
  if (!part.empty()) CO_CHECK(co_await send(std::move(part), items));
  co_return Result<void>{};
}

Task<Messages> Fetch::look_up(storage::UidSet uids) {
  return session_.mail().messages(session_.shard(), session_.selected->id, std::move(uids), kBatch);
}

// Returns whether flags were changed.
Task<bool> Fetch::mark_seen(Messages messages) {
  storage::StoreFlags store;
  store.mailbox = session_.selected->id;
  for (const storage::MessageInfo& message : messages)
    if (is_unseen(message)) store.uids.add(message.uid);
  store.mode = storage::StoreFlags::Mode::kAdd;
  store.flags.system = storage::kSeen;
  CO_ASSIGN_OR_RETURN(auto stored,
                      co_await session_.change<storage::StoredFlags>(std::move(store)));
  if (stored.changed.empty()) co_return false;
  session_.selected->own_changes.push_back({stored.modseq, std::move(stored.changed), false});
  session_.selected->wake->notify();
  co_return true;
}

Task<void> Fetch::send(Messages messages, Items items) {
  CO_ASSIGN_OR_RETURN(Sent sent, co_await try_send(messages, items));
  if (!sent.trouble) co_return Result<void>{};
  if (!of_one_message(*sent.trouble)) {
    over_ = true;
    failure_ = std::move(sent.trouble);
    co_return Result<void>{};
  }
  // One message cannot be read. Each by itself, then: the client may see some twice, but it sees
  // all that can be read.
  for (const storage::MessageInfo& message : messages) {
    CO_ASSIGN_OR_RETURN(sent, co_await try_send({message}, items));
    if (!sent.trouble) continue;
    over_ = !of_one_message(*sent.trouble);
    if (over_) {
      failure_ = std::move(sent.trouble);
      break;
    }
    note(message, *std::move(sent.trouble));
  }
  co_return Result<void>{};
}

Task<Sent> Fetch::try_send(Messages messages, Items items) {
  FetchStream stream(std::move(items));
  std::vector<mime::Summary> summaries;
  if (stream.needs_summaries()) {
    auto loaded = co_await load_summaries(session_, messages);
    if (!loaded) co_return Sent{std::move(loaded).error()};
    summaries = *std::move(loaded);
  }
  const std::string uids = to_string(messages.front().uid) + ':' + to_string(messages.back().uid);
  const Selected& selected = *session_.selected;
  for (std::size_t i = 0; i < messages.size(); ++i) {
    // Long texts, repeated for each message, are sent as they come and not gathered.
    if (stream.pending_text_bytes() > kReadBytes) {
      CO_ASSIGN_OR_RETURN(Sent sent, co_await pump(stream, uids));
      if (sent.trouble) co_return sent;
    }
    const auto seq = selected.view.seq_of(messages[i].uid);
    if (!seq) continue;
    const auto added = stream.add(messages[i], *seq, selected.is_recent(messages[i].uid),
                                  summaries.empty() ? nullptr : &summaries[i]);
    if (!added) co_return Sent{added.error()};
  }
  co_return co_await pump(stream, uids);
}

Task<Sent> Fetch::pump(FetchStream& stream, std::string uids) {
  while (!stream.done()) {
    std::vector<cluster::ByteRange> ranges = stream.next(kReadBytes);
    std::vector<std::string> bytes;
    if (!ranges.empty()) {
      auto read = co_await session_.mail().read(session_.shard(), std::move(ranges));
      if (!read) {
        if (!stream.in_response()) co_return Sent{std::move(read).error()};
        // A literal was announced whose bytes we do not have: all that is left is to hang up.
        session_.log_error("reading in the middle of a FETCH response",
                           in_context("one of UID " + uids, std::move(read).error()));
        co_return Error{ErrorCode::kClosed, "a message could not be read to its end"};
      }
      bytes = *std::move(read);
    }
    CO_ASSIGN_OR_RETURN(const auto parts, stream.take(std::move(bytes)));
    CO_CHECK(co_await session_.out.send(parts));
  }
  co_return Sent{};
}

void Fetch::note(const storage::MessageInfo& message, Error error) {
  log::error("imap message unreadable", {{"login", session_.login->address},
                                         {"shard", session_.shard()},
                                         {"mailbox", session_.selected->id},
                                         {"uid", message.uid},
                                         {"error", to_string(error)}});
  failure_ = std::move(error);
}

// RFC 7162 §3.1.4.1: only those that changed since.
Task<storage::UidSet> only_changed(Session& session, storage::UidSet uids, ModSeq since) {
  CO_ASSIGN_OR_RETURN(const auto changes, co_await session.mail().changes(
                                              session.shard(), session.selected->id, since));
  storage::UidSet changed;
  for (const storage::MessageInfo& message : changes.changed)
    if (uids.contains(message.uid)) changed.add(message.uid);
  for (const auto& [first, last] : common(uids, changes.more).ranges()) changed.add(first, last);
  co_return changed;
}

}  // namespace

Task<Reply> run_fetch(Session& session, FetchCommand command) {
  auto named = named_messages(*session.selected, command.set, command.uid);
  if (!named) co_return bad(named.error().context);
  Items& items = command.request.items;
  if (has(items, FetchItem::Kind::kModSeq)) session.enable_condstore();
  // RFC 7162 §3.1: whoever knows of MODSEQ gets it with the flags.
  if (session.condstore && has(items, FetchItem::Kind::kFlags))
    want(items, FetchItem::Kind::kModSeq);
  if (std::ranges::any_of(items, [](const FetchItem& item) {
        return item.kind == FetchItem::Kind::kSection || item.sets_seen();
      }))
    session.counters.fetched += named->uids.count();

  storage::UidSet uids = std::move(named->uids);
  if (command.request.changed_since) {
    auto changed = co_await only_changed(session, std::move(uids), *command.request.changed_since);
    if (!changed) co_return session.failed("FETCH CHANGEDSINCE", changed.error());
    uids = *std::move(changed);
  }
  Fetch fetch(session, std::move(items));
  for (Batches batches(std::move(uids)); !batches.done() && session.selected;) {
    CO_CHECK(co_await fetch.batch(batches.next(kBatch)));
    if (fetch.over()) co_return session.failed("FETCH", *fetch.failure());
    // What setting \Seen changed is known: it need not pile up.
    if (!session.selected->own_changes.empty())
      CO_CHECK(co_await session.tell_changes({false, session.condstore}, false));
  }
  if (fetch.failure()) co_return session.failed("FETCH", *fetch.failure());
  co_return ok(named->some_gone ? "[EXPUNGEISSUED] FETCH completed, but some messages are gone"
                                : "FETCH completed");
}

}  // namespace everpost::node::imap
