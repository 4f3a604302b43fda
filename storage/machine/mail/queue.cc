#include "storage/machine/mail/commands.h"

namespace everpost::storage::mail {
namespace {

Result<void> remove_entry(Context& context, std::uint64_t queue_id, const QueueValue& entry,
                          std::string_view stored) {
  context.txn.erase(keys::queued(queue_id), stored);
  RETURN_IF_ERROR(
      context.txn.scan(keys::recipients(queue_id), {},
                       [&](std::string_view key, std::string_view value) -> Result<bool> {
                         context.txn.erase(key, value);
                         return true;
                       }));
  return drop_reference(context, entry.body);
}

}  // namespace

Result<MailResult> run(Context& context, const QueueAdd& command) {
  if (command.recipients.empty()) return refuse(ErrorCode::kInvalidArgument, "no recipient");
  const std::uint64_t id = context.header.lsn.value;
  ASSIGN_OR_RETURN(const auto there, context.txn.get(keys::queued(id)));
  if (there) return refuse(ErrorCode::kInvalidArgument, "an operation has one queue entry");
  ASSIGN_OR_RETURN(const BodyValue* body, context.body.resolve(command.content));

  QueueValue entry;
  entry.accepted = context.header.time;
  entry.size = command.content.size;
  entry.guid = command.content.guid;
  entry.body = body->key();
  entry.recipients = entry.pending = static_cast<std::uint32_t>(command.recipients.size());
  entry.sender = command.sender;
  entry.envelope_id = command.envelope_id;
  entry.ret = command.ret;
  context.txn.create(keys::queued(id), entry.encode());
  for (std::size_t n = 0; n < command.recipients.size(); ++n) {
    const RecipientValue recipient{false, command.recipients[n]};
    context.txn.create(keys::recipient(id, static_cast<std::uint16_t>(n)), recipient.encode());
  }
  RETURN_IF_ERROR(add_reference(context, entry.body));
  context.told.queue_changed = true;
  return QueuedMessage{id};
}

Result<MailResult> run(Context& context, const QueueDone& command) {
  const keys::Key key = keys::queued(command.queue_id);
  ASSIGN_OR_RETURN(const auto stored, context.txn.get(key));
  if (!stored) return refuse(ErrorCode::kNotFound, "no such queue entry");
  ASSIGN_OR_RETURN(QueueValue entry, QueueValue::decode(*stored));
  const std::uint32_t pending = entry.pending;
  for (const std::uint16_t n : command.recipients) {
    const keys::Key recipient_key = keys::recipient(command.queue_id, n);
    ASSIGN_OR_RETURN(const auto value, context.txn.get(recipient_key));
    if (!value) return refuse(ErrorCode::kInvalidArgument, "no such recipient");
    ASSIGN_OR_RETURN(RecipientValue recipient, RecipientValue::decode(*value));
    if (recipient.done) continue;
    recipient.done = true;
    context.txn.replace(recipient_key, *value, recipient.encode());
    --entry.pending;
  }
  if (entry.pending == pending) return Done{};
  context.told.queue_changed = true;
  if (entry.pending == 0) {
    RETURN_IF_ERROR(remove_entry(context, command.queue_id, entry, *stored));
  } else {
    context.txn.replace(key, *stored, entry.encode());
  }
  return Done{};
}

}  // namespace everpost::storage::mail
