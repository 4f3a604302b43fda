// SELECT and EXAMINE, RFC 3501 §6.3.1, §6.3.2; CONDSTORE's part, RFC 7162 §3.1.2, §3.1.8.
#include "node/imap/commands/commands.h"

namespace everpost::node::imap {
namespace {

// Opens the mailbox, watching it from before its contents are read: no change is missed.
Task<std::unique_ptr<Selected>> open(Session& session, SelectCommand command,
                                     cluster::MailStore::OpenMailbox& opened) {
  CO_ASSIGN_OR_RETURN(
      const storage::MailboxInfo found,
      co_await session.mail().find_mailbox(session.shard(), session.account(), command.mailbox));
  if (!found.selectable) co_return Error{ErrorCode::kNotFound, "only a name with inferiors"};
  auto selected = std::make_unique<Selected>();
  selected->wake = std::make_shared<Wake>(session.connection.executor());
  selected->watch = session.mail().watch_mailbox(session.shard(), found.id,
                                                 [wake = selected->wake] { wake->notify(); });
  CO_ASSIGN_OR_RETURN(opened, co_await session.mail().open_mailbox(session.shard(), found.id));

  const storage::MailboxInfo& mailbox = opened.mailbox;
  selected->id = mailbox.id;
  selected->uid_validity = mailbox.uid_validity;
  selected->read_only = command.read_only;
  selected->keywords = mailbox.keywords.size();
  selected->deleted = mailbox.deleted;
  selected->view = View(opened.uids);
  selected->uid_next = mailbox.uid_next;
  selected->modseq = mailbox.highest_modseq;
  selected->first_recent = mailbox.first_recent;
  selected->unclaimed_from = mailbox.first_recent;
  if (!command.read_only && mailbox.first_recent < mailbox.uid_next) {
    CO_ASSIGN_OR_RETURN(const auto claimed, co_await session.change<storage::ClaimedRecent>(
                                                storage::ClaimRecent{mailbox.id}));
    selected->first_recent = claimed.first_recent;
    selected->unclaimed_from = mailbox.uid_next;
  }
  co_return selected;
}

}  // namespace

Task<Reply> run_select(Session& session, SelectCommand command) {
  if (session.selected) {
    // RFC 3501 §6.3.1: also if the SELECT fails. CLOSED (RFC 7162 §3.2.11) marks where responses
    // for the old mailbox end.
    CO_CHECK(co_await session.unselect());
    session.out << "* OK [CLOSED] Previous mailbox closed\r\n";
  }
  if (command.condstore) session.enable_condstore();
  cluster::MailStore::OpenMailbox opened;
  auto selected = co_await open(session, command, opened);
  if (!selected) {
    if (selected.error().code != ErrorCode::kNotFound)
      session.log_error("selecting a mailbox", selected.error());
    co_return refused(selected.error());
  }
  session.selected = *std::move(selected);
  const Selected& now = *session.selected;

  append_flag_responses(opened.mailbox.keywords, now.read_only, session.out.buffer());
  session.out << "* " << now.view.size() << " EXISTS\r\n"
              << "* " << now.view.count_from(now.first_recent) << " RECENT\r\n";
  if (const auto unseen = now.view.seq_of(opened.first_unseen))
    session.out << "* OK [UNSEEN " << *unseen << "] First unseen message\r\n";
  session.out << "* OK [UIDVALIDITY " << now.uid_validity.value << "] UIDs are valid\r\n"
              << "* OK [UIDNEXT " << now.uid_next.value << "] Predicted next UID\r\n"
              << "* OK [HIGHESTMODSEQ " << now.modseq.value << "] Highest\r\n";
  co_return ok(command.read_only ? "[READ-ONLY] EXAMINE completed"
                                 : "[READ-WRITE] SELECT completed");
}

}  // namespace everpost::node::imap
