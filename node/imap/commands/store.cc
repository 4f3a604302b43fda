// STORE, RFC 3501 §6.4.6, with UNCHANGEDSINCE, RFC 7162 §3.1.3.
#include "node/imap/commands/commands.h"
#include "node/imap/commands/messages.h"

namespace everpost::node::imap {
namespace {

constexpr std::size_t kBatch = 256;
constexpr std::size_t kStep = 5000;  // changed at once: others wait for that long

// Messages that the STORE left as they were: nothing will tell of them, but the client asked.
Task<void> tell_unchanged(Session& session, storage::UidSet uids, bool flags) {
  for (Batches batches(std::move(uids)); !batches.done();) {
    const auto messages = co_await session.mail().messages(session.shard(), session.selected->id,
                                                           batches.next(kBatch), kBatch);
    if (!messages) {
      session.log_error("flags after STORE", messages.error());
      co_return Result<void>{};
    }
    for (const storage::MessageInfo& message : *messages)
      append_fetch(*session.selected, message, flags, session.condstore, session.out.buffer());
    CO_CHECK(co_await session.out.flush_if_large());
  }
  co_return Result<void>{};
}

struct Stored {
  storage::UidSet changed, modified;
  std::optional<Error> error;  // of the store; what was changed before it stays
};

// Changes the flags, in steps, each of which is told before the next: what changed at once is held
// in memory at once.
Task<Stored> store(Session& session, StoreCommand command, storage::UidSet uids) {
  Stored all;
  for (Batches batches(std::move(uids)); !batches.done() && session.selected;) {
    Selected& selected = *session.selected;
    storage::StoreFlags step;
    step.mailbox = selected.id;
    step.uids = batches.next(kStep);
    step.mode = command.mode;
    step.flags = command.flags;
    step.unchanged_since = command.unchanged_since;
    auto stored = co_await session.change<storage::StoredFlags>(std::move(step));
    if (!stored) {
      all.error = std::move(stored).error();
      break;
    }
    for (const auto& [first, last] : stored->changed.ranges()) all.changed.add(first, last);
    for (const auto& [first, last] : stored->modified.ranges()) all.modified.add(first, last);
    if (stored->changed.empty()) continue;
    // The changed ones are told like anybody's changes; with .SILENT only their new MODSEQ is, and
    // that only to a client that knows about it.
    if (command.silent)
      selected.own_changes.push_back({stored->modseq, std::move(stored->changed), true});
    selected.wake->notify();
    CO_CHECK(co_await session.tell_changes({false, session.condstore}, false));
  }
  co_return all;
}

// RFC 7162 §3.1.3: what was left alone because it was changed meanwhile.
Reply modified_reply(const Selected& selected, const StoreCommand& command,
                     const storage::UidSet& modified) {
  const storage::UidSet named = command.uid ? modified : selected.view.seqs_of(modified);
  return ok("[MODIFIED " + named.to_string() + "] Conditional STORE failed for some messages");
}

}  // namespace

Task<Reply> run_store(Session& session, StoreCommand command) {
  if (session.selected->read_only) co_return no("[NOPERM] the mailbox is read-only");
  auto named = named_messages(*session.selected, command.set, command.uid);
  if (!named) co_return bad(named.error().context);
  if (command.unchanged_since) session.enable_condstore();
  const Reply done = named->some_gone ? ok("[EXPUNGEISSUED] STORE completed, but some are gone")
                                      : ok("STORE completed");
  if (named->uids.empty()) co_return done;

  CO_ASSIGN_OR_RETURN(const Stored stored, co_await store(session, command, named->uids));
  if (stored.error && stored.error->code == ErrorCode::kLimit) co_return refused(*stored.error);
  if (stored.error) co_return session.failed("STORE", *stored.error);
  if (!session.selected) co_return no("[NONEXISTENT] the mailbox is gone");
  if (!command.silent || session.condstore)
    CO_CHECK(co_await tell_unchanged(
        session, difference(difference(named->uids, stored.changed), stored.modified),
        !command.silent));
  if (!stored.modified.empty())
    co_return modified_reply(*session.selected, command, stored.modified);
  co_return done;
}

}  // namespace everpost::node::imap
