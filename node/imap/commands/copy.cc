// COPY (RFC 3501 §6.4.7), MOVE (RFC 6851), with COPYUID (RFC 4315 §3).
#include "node/imap/commands/commands.h"
#include "node/imap/commands/messages.h"
#include "node/imap/session/format.h"

namespace everpost::node::imap {
namespace {

// All or nothing (RFC 3501 §6.4.7): one transaction, of as many commands as it takes.
Task<storage::CopiedMessages> copy(Session& session, storage::UidSet uids, MailboxId target,
                                   bool move) {
  std::vector<storage::MailCommand> commands;
  while (!uids.empty()) {
    storage::CopyMessages part;
    part.source = session.selected->id;
    part.uids = take_front(uids, storage::MailLimits::messages);
    part.target = target;
    part.move = move;
    commands.emplace_back(std::move(part));
  }
  CO_ASSIGN_OR_RETURN(storage::MailOutcome outcome, co_await session.submit(std::move(commands)));
  storage::CopiedMessages all;
  for (storage::MailResult& result : outcome.results) {
    const auto* part = std::get_if<storage::CopiedMessages>(&result);
    if (!part) co_return Error{ErrorCode::kInternal, "the wrong result for a mail command"};
    all.uid_validity = part->uid_validity;
    all.from.insert(all.from.end(), part->from.begin(), part->from.end());
    all.to.insert(all.to.end(), part->to.begin(), part->to.end());
  }
  co_return all;
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

  const auto copied = co_await copy(session, std::move(named->uids), target->id, command.move);
  if (!copied) co_return refused_target(copied.error());
  if (copied->from.empty()) co_return no("[EXPUNGEISSUED] the messages are gone");
  if (command.move || target->id == session.selected->id) session.selected->wake->notify();
  if (!command.move) co_return ok(copy_uid(*copied) + " COPY completed");

  // RFC 6851 §4.3: where the messages are now comes before the news that they are gone here.
  session.out << "* OK " << copy_uid(*copied) << " Moved\r\n";
  CO_CHECK(co_await session.tell_changes({true, session.condstore}, true));
  co_return ok("MOVE completed");
}

}  // namespace everpost::node::imap
