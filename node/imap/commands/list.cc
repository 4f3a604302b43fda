// LIST, RFC 3501 §6.3.8, RFC 5258, RFC 5819.
#include "node/imap/commands/commands.h"
#include "node/imap/commands/listing.h"
#include "node/imap/commands/status.h"
#include "node/imap/session/format.h"

namespace everpost::node::imap {
namespace {

// RFC 3501 §6.3.8: an empty pattern asks for the delimiter and the root of the reference.
bool asks_for_root(const ListCommand& command) {
  return command.patterns.size() == 1 && command.patterns[0].empty() && !command.only_subscribed &&
         !command.only_special_use;
}

Task<void> tell(Session& session, std::vector<Listed> listed, std::optional<StatusItems> status) {
  for (const Listed& entry : listed) {
    append_listed("LIST", entry, session.out.buffer());
    // RFC 5819 §2: no STATUS for what cannot be selected, or could not be looked at.
    if (status && entry.mailbox && entry.mailbox->selectable) {
      const auto told = co_await tell_status(session, *entry.mailbox, *status);
      if (!told && told.error().code != ErrorCode::kNotFound)
        session.log_error("STATUS of a listed mailbox", told.error());
    }
    CO_CHECK(co_await session.out.flush_if_large());
  }
  co_return Result<void>{};
}

}  // namespace

Task<Reply> run_list(Session& session, ListCommand command) {
  if (asks_for_root(command)) {
    session.out << "* LIST (\\Noselect) \"/\" \"\"\r\n";
    co_return ok("LIST completed");
  }
  const auto mailboxes = co_await session.mail().mailboxes(session.shard(), session.account());
  if (!mailboxes) co_return refused(mailboxes.error());
  const auto subscriptions =
      co_await session.mail().subscriptions(session.shard(), session.account());
  if (!subscriptions) co_return refused(subscriptions.error());
  CO_CHECK(
      co_await tell(session, Listing(*mailboxes, *subscriptions).list(command), command.status));
  co_return ok("LIST completed");
}

}  // namespace everpost::node::imap
