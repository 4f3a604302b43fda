// COPY (RFC 3501 §6.4.7), MOVE (RFC 6851), with COPYUID (RFC 4315 §3).
#include "node/imap/commands/commands.h"
#include "node/imap/commands/messages.h"
#include "node/imap/session/format.h"

namespace everpost::node::imap {
namespace {

// Takes back what was copied before something went wrong.
Task<void> undo(Session& session, storage::CopiedMessages copied, MailboxId target) {
  for (Batches batches(storage::UidSet::of(std::move(copied.to))); !batches.done();) {
    storage::Expunge expunge;
    expunge.mailbox = target;
    expunge.uids = batches.next(storage::MailLimits::messages);
    expunge.only_deleted = false;
    CO_CHECK(co_await session.change<storage::Expunged>(std::move(expunge)));
  }
  co_return Result<void>{};
}

struct Outcome {
  storage::CopiedMessages copied;
  std::optional<Error> error;  // of a COPY: nothing was copied; of a MOVE: that much was moved
};

// As many as the shard takes at once are copied at once; more, in several steps. COPY is all or
// nothing even so (RFC 3501 §6.4.7); MOVE may stop in between (RFC 6851 §3.3).
Task<Outcome> copy(Session& session, storage::UidSet uids, MailboxId target, bool move) {
  Outcome outcome;
  storage::CopiedMessages& all = outcome.copied;
  for (Batches batches(std::move(uids)); !batches.done();) {
    storage::CopyMessages command;
    command.source = session.selected->id;
    command.uids = batches.next(storage::MailLimits::messages);
    command.target = target;
    command.move = move;
    auto part = co_await session.change<storage::CopiedMessages>(std::move(command));
    if (!part) {
      outcome.error = std::move(part).error();
      break;
    }
    all.uid_validity = part->uid_validity;
    all.from.insert(all.from.end(), part->from.begin(), part->from.end());
    all.to.insert(all.to.end(), part->to.begin(), part->to.end());
  }
  if (outcome.error && !move && !all.to.empty()) {
    const auto undone = co_await undo(session, std::exchange(all, {}), target);
    if (!undone) session.log_error("taking back a part of a COPY", undone.error());
  }
  co_return outcome;
}

std::string copy_uid(const storage::CopiedMessages& copied) {
  return "[COPYUID " + std::to_string(copied.uid_validity.value) + ' ' +
         ordered_uid_set(copied.from) + ' ' + ordered_uid_set(copied.to) + "]";
}

}  // namespace

Task<Reply> run_copy(Session& session, CopyCommand command) {
  const std::string name = command.move ? "MOVE" : "COPY";
  if (command.move && session.selected->read_only)
    co_return no("[NOPERM] the mailbox is read-only");
  auto named = named_messages(*session.selected, command.set, command.uid);
  if (!named) co_return bad(named.error().context);
  // A part of what was asked for would surprise the client.
  if (named->some_gone) co_return no("[EXPUNGEISSUED] some of the messages are gone");

  const auto target = co_await session.mail().find_mailbox(session.shard(), session.account(),
                                                           std::move(command.mailbox));
  if (!target) co_return refused_target(target.error());
  if (!target->selectable) co_return no("[TRYCREATE] only a name with mailboxes below it");
  if (named->uids.empty()) co_return ok("no messages for " + name);

  CO_ASSIGN_OR_RETURN(const Outcome outcome,
                      co_await copy(session, std::move(named->uids), target->id, command.move));
  const storage::CopiedMessages& copied = outcome.copied;
  if (command.move || target->id == session.selected->id) session.selected->wake->notify();
  if (command.move && !copied.from.empty()) {
    // RFC 6851 §4.3: where the messages are now comes before the news that they are gone here.
    session.out << "* OK " << copy_uid(copied) << " Moved\r\n";
    CO_CHECK(co_await session.tell_changes({true, session.condstore}, true));
  }
  if (outcome.error) {
    // Which of the two mailboxes is gone? If it is this one, that is told instead.
    if (outcome.error->code == ErrorCode::kNotFound && session.selected)
      session.selected->wake->notify();
    co_return refused_target(*outcome.error);
  }
  if (copied.from.empty()) co_return no("[EXPUNGEISSUED] the messages are gone");
  co_return ok(command.move ? "MOVE completed" : copy_uid(copied) + " COPY completed");
}

}  // namespace everpost::node::imap
