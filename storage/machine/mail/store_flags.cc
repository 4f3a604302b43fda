#include "storage/machine/mail/commands.h"
#include "storage/machine/mail/keywords.h"
#include "storage/machine/mail/mailboxes.h"
#include "storage/machine/mail/messages.h"

namespace everpost::storage::mail {
namespace {

// What a message's flags become.
MessageState changed(const MessageState& before, StoreFlags::Mode mode, std::uint16_t flags,
                     std::uint64_t keywords) {
  MessageState now = before;
  switch (mode) {
    case StoreFlags::Mode::kReplace:
      now.flags = flags;
      now.keywords = keywords;
      break;
    case StoreFlags::Mode::kAdd:
      now.flags |= flags;
      now.keywords |= keywords;
      break;
    case StoreFlags::Mode::kRemove:
      now.flags &= static_cast<std::uint16_t>(~flags);
      now.keywords &= ~keywords;
      break;
  }
  return now;
}

}  // namespace

Result<MailResult> run(Context& context, const StoreFlags& command) {
  RETURN_IF_ERROR(check_flags(command.flags));
  ASSIGN_OR_RETURN(const MailboxValue* mailbox, need_mailbox(context, command.mailbox));
  std::vector<std::string> new_keywords;
  std::uint64_t keywords = known_bits(*mailbox, command.flags.keywords, &new_keywords);
  if (!new_keywords.empty() && command.mode != StoreFlags::Mode::kRemove) {
    ASSIGN_OR_RETURN(const std::uint64_t bits,
                     add_keywords(context.mailboxes.change(command.mailbox), new_keywords));
    keywords |= bits;
    // FLAGS and PERMANENTFLAGS of whoever has the mailbox selected are another list now.
    context.told.touched.push_back(command.mailbox);
  }

  StoredFlags stored;
  RETURN_IF_ERROR(visit_messages(
      context.txn, command.mailbox, command.uids,
      [&](Uid uid, std::string_view value) -> Result<bool> {
        ASSIGN_OR_RETURN(const MessageState before, MessageState::decode(value));
        if (command.unchanged_since && before.modseq > *command.unchanged_since) {
          stored.modified.add(uid);  // RFC 7162 §3.1.3
          return true;
        }
        MessageState now = changed(before, command.mode, command.flags.system, keywords);
        if (now == before) return true;
        RETURN_IF_ERROR(count_change(context));
        // One modseq for all that one command changes.
        if (stored.modseq == ModSeq{0}) stored.modseq = next_modseq(context, mailbox->account);
        now.modseq = stored.modseq;
        change_message(context, command.mailbox, uid, before, now, value);
        stored.changed.add(uid);
        return true;
      }));
  return stored;
}

}  // namespace everpost::storage::mail
