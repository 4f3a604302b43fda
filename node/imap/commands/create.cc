// CREATE, RFC 3501 §6.3.3, with a special use, RFC 6154 §3.
#include <algorithm>
#include <array>

#include "node/imap/commands/commands.h"
#include "node/imap/syntax/ascii.h"
#include "node/imap/syntax/mailbox_name.h"

namespace everpost::node::imap {
namespace {

// RFC 6154 §2. Not \All and \Flagged: they would be views of other mailboxes' messages.
constexpr std::array<std::string_view, 5> kUses = {"\\Archive", "\\Drafts", "\\Junk", "\\Sent",
                                                   "\\Trash"};

// The use as it is stored, or why it cannot be (RFC 6154 §3: USEATTR).
Task<std::string> special_use(Session& session, std::vector<std::string> wanted) {
  if (wanted.empty()) co_return std::string();
  if (wanted.size() > 1) co_return Error{ErrorCode::kConflict, "a mailbox has one special use"};
  const auto use = std::ranges::find_if(
      kUses, [&](std::string_view known) { return equal_no_case(known, wanted[0]); });
  if (use == kUses.end())
    co_return Error{ErrorCode::kConflict, "this special use is not supported"};
  CO_ASSIGN_OR_RETURN(const auto mailboxes,
                      co_await session.mail().mailboxes(session.shard(), session.account()));
  if (std::ranges::count(mailboxes, *use, &storage::MailboxInfo::special_use) > 0)
    co_return Error{ErrorCode::kConflict, "another mailbox has this special use"};
  co_return std::string(*use);
}

}  // namespace

Task<Reply> run_create(Session& session, CreateCommand command) {
  if (command.mailbox == kInbox) co_return no("[ALREADYEXISTS] INBOX is always there");
  if (const auto good = check_new_mailbox_name(command.mailbox); !good)
    co_return refused(good.error());
  auto use = co_await special_use(session, std::move(command.special_use));
  if (!use && use.error().code == ErrorCode::kConflict)
    co_return no("[USEATTR] " + use.error().context);
  if (!use) co_return refused(use.error());

  const auto created = co_await session.change<storage::CreatedMailbox>(
      storage::CreateMailbox{session.account(), std::move(command.mailbox), *std::move(use)});
  if (!created) co_return refused(created.error());
  co_return ok("CREATE completed");
}

}  // namespace everpost::node::imap
