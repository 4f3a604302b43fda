// STATUS, RFC 3501 §6.3.10.
#include "node/imap/commands/status.h"

#include <algorithm>

#include "node/imap/commands/commands.h"
#include "node/imap/session/format.h"

namespace everpost::node::imap {
namespace {

// Messages that no session has seen yet. Their number is not kept, but mostly known.
Task<std::uint64_t> recent(Session& session, storage::MailboxInfo mailbox) {
  if (mailbox.first_recent >= mailbox.uid_next) co_return std::uint64_t{0};
  if (mailbox.first_recent == Uid{1}) co_return std::uint64_t{mailbox.messages};
  CO_ASSIGN_OR_RETURN(const auto open,
                      co_await session.mail().open_mailbox(session.shard(), mailbox.id));
  const auto first = std::ranges::lower_bound(open.uids, mailbox.first_recent);
  co_return static_cast<std::uint64_t>(open.uids.end() - first);
}

}  // namespace

Task<void> tell_status(Session& session, storage::MailboxInfo mailbox, StatusItems items) {
  std::string values;
  const auto put = [&](std::string_view name, std::uint64_t value) {
    if (!values.empty()) values += ' ';
    values += name;
    values += ' ' + std::to_string(value);
  };
  if (items.messages) put("MESSAGES", mailbox.messages);
  if (items.recent) {
    CO_ASSIGN_OR_RETURN(const std::uint64_t count, co_await recent(session, mailbox));
    put("RECENT", count);
  }
  if (items.uid_next) put("UIDNEXT", mailbox.uid_next.value);
  if (items.uid_validity) put("UIDVALIDITY", mailbox.uid_validity.value);
  if (items.unseen) put("UNSEEN", mailbox.unseen);
  if (items.highest_modseq) {
    put("HIGHESTMODSEQ", mailbox.highest_modseq.value);
    session.enable_condstore();  // RFC 7162 §3.1
  }
  if (items.size) put("SIZE", mailbox.bytes);
  if (items.append_limit) put("APPENDLIMIT", session.services.config.message_bytes);

  std::string& out = session.out.buffer();
  out += "* STATUS ";
  append_mailbox(mailbox.name, out);
  out += " (" + values + ")\r\n";
  co_return Result<void>{};
}

Task<Reply> run_status(Session& session, StatusCommand command) {
  auto mailbox = co_await session.mail().find_mailbox(session.shard(), session.account(),
                                                      std::move(command.mailbox));
  if (!mailbox) co_return refused(mailbox.error());
  if (!mailbox->selectable) co_return no("[NONEXISTENT] only a name with mailboxes below it");
  const auto told = co_await tell_status(session, *std::move(mailbox), command.items);
  if (!told) co_return refused(told.error());
  co_return ok("STATUS completed");
}

}  // namespace everpost::node::imap
