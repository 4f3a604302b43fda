// EXPUNGE (RFC 3501 §6.4.3) and UID EXPUNGE (RFC 4315 §2.1).
#include "node/imap/commands/expunge.h"

#include <limits>

#include "node/imap/commands/commands.h"

namespace everpost::node::imap {
namespace {

Task<void> expunge(Session& session, storage::UidSet uids) {
  storage::Expunge command;
  command.mailbox = session.selected->id;
  command.uids = std::move(uids);
  CO_ASSIGN_OR_RETURN(const auto expunged,
                      co_await session.change<storage::Expunged>(std::move(command)));
  session.counters.expunged += expunged.uids.count();
  if (!expunged.uids.empty()) session.selected->wake->notify();
  co_return Result<void>{};
}

}  // namespace

Task<void> expunge_deleted(Session& session, std::optional<storage::UidSet> only) {
  const Selected& selected = *session.selected;
  // Most mailboxes that are closed have nothing to expunge: that costs no write. The count tells
  // only while all changes are known.
  if (selected.deleted == 0 && !selected.behind && !selected.wake->changed())
    co_return Result<void>{};
  storage::UidSet uids;
  if (only)
    uids = *std::move(only);
  else
    uids.add(Uid{1}, Uid{std::numeric_limits<std::uint32_t>::max()});
  if (uids.empty()) co_return Result<void>{};
  auto done = co_await expunge(session, uids);
  if (done || done.error().code != ErrorCode::kLimit) co_return done;
  // More than one command of the shard takes.
  for (Batches batches(selected.view.intersect(uids)); !batches.done();)
    CO_CHECK(co_await expunge(session, batches.next(storage::MailLimits::messages)));
  co_return Result<void>{};
}

Task<Reply> run_expunge(Session& session, ExpungeCommand command) {
  if (session.selected->read_only) co_return no("[NOPERM] the mailbox is read-only");
  std::optional<storage::UidSet> only;
  if (command.uids) only = session.selected->view.uids_named(*command.uids);
  const auto expunged = co_await expunge_deleted(session, std::move(only));
  if (!expunged) co_return session.failed("EXPUNGE", expunged.error());
  co_return ok("EXPUNGE completed");  // what is gone is told with all that has changed
}

}  // namespace everpost::node::imap
