#include "storage/machine/mail/commands.h"
#include "storage/machine/mail/keywords.h"
#include "storage/machine/mail/mailboxes.h"
#include "storage/machine/mail/messages.h"

namespace everpost::storage::mail {
namespace {

// The mailbox that a target means.
Result<MailboxId> find_target(Context& context, const AddMessage::Target& target) {
  if (target.mailbox == MailboxId{0}) {
    ASSIGN_OR_RETURN(const AccountValue* account, make_account(context, target.account, 0));
    return account->inbox;
  }
  RETURN_IF_ERROR(need_account(context, target.account));
  ASSIGN_OR_RETURN(const MailboxValue* mailbox, need_mailbox(context, target.mailbox));
  if (mailbox->account != target.account)
    return refuse(ErrorCode::kNotFound, "the account has no such mailbox");
  return target.mailbox;
}

// One target's refusal must not undo what the others got: all that can be refused comes before the
// first change.
Result<AddedMessage> add_to(Context& context, const AddMessage& command,
                            const AddMessage::Target& target, MessageValue& message) {
  ASSIGN_OR_RETURN(const MailboxId id, find_target(context, target));
  RETURN_IF_ERROR(check_room(context, id, message.size, command.enforce_quota));
  MailboxValue& mailbox = context.mailboxes.change(id);
  std::vector<std::string> new_keywords;
  message.keywords = known_bits(mailbox, command.flags.keywords, &new_keywords);
  if (!new_keywords.empty()) {
    ASSIGN_OR_RETURN(const std::uint64_t bits, add_keywords(mailbox, new_keywords));
    message.keywords |= bits;
  }
  message.modseq = next_modseq(context, target.account);
  const Uid uid = insert_message(context, id, message);
  return AddedMessage{std::nullopt, id, mailbox.uid_validity, uid, message.modseq};
}

}  // namespace

Result<MailResult> run(Context& context, const AddMessage& command) {
  if (command.targets.empty()) return refuse(ErrorCode::kInvalidArgument, "no target");
  RETURN_IF_ERROR(check_flags(command.flags));
  ASSIGN_OR_RETURN(const BodyValue* body, context.body.resolve(command.content));

  MessageValue message;
  message.flags = command.flags.system;
  message.internal_date =
      command.internal_date.micros != 0 ? command.internal_date : context.header.time;
  message.save_date = context.header.time;
  message.size = command.content.size;
  message.guid = command.content.guid;
  message.body = body->key();
  message.summary = body->summary;
  message.content = body->content;

  std::vector<AddedMessage> results;
  results.reserve(command.targets.size());
  for (const AddMessage::Target& target : command.targets) {
    auto added = add_to(context, command, target, message);
    if (added) {
      RETURN_IF_ERROR(add_reference(context, body->key()));
      results.push_back(*std::move(added));
    } else if (broken(added.error())) {
      return std::move(added).error();
    } else {
      AddedMessage& refused = results.emplace_back();
      refused.error = std::move(added).error();
      refused.mailbox = target.mailbox;
    }
  }
  return results;
}

}  // namespace everpost::storage::mail
