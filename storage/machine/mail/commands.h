// Every command, and the file that carries it out.
//
//   AddMessage                                add_message.cc
//   StoreFlags                                store_flags.cc
//   Expunge                                   expunge.cc
//   CopyMessages                              copy_messages.cc
//   CreateMailbox                             create_mailbox.cc
//   RenameMailbox                             rename_mailbox.cc
//   DeleteMailbox                             delete_mailbox.cc
//   Subscribe                                 subscribe.cc
//   ClaimRecent                               claim_recent.cc
//   CreateAccount, SetQuota, DeleteAccount    account.cc
//   QueueAdd, QueueDone                       queue.cc
//   Expire                                    expire.cc
//
// Each returns what the client is told, or an Error: a refusal or a broken index (context.h).
#pragma once

#include "storage/machine/mail/context.h"
#include "storage/machine/mail_command.h"

namespace everpost::storage::mail {

Result<MailResult> run(Context& context, const AddMessage& command);
Result<MailResult> run(Context& context, const StoreFlags& command);
Result<MailResult> run(Context& context, const Expunge& command);
Result<MailResult> run(Context& context, const CopyMessages& command);
Result<MailResult> run(Context& context, const CreateMailbox& command);
Result<MailResult> run(Context& context, const RenameMailbox& command);
Result<MailResult> run(Context& context, const DeleteMailbox& command);
Result<MailResult> run(Context& context, const Subscribe& command);
Result<MailResult> run(Context& context, const ClaimRecent& command);
Result<MailResult> run(Context& context, const CreateAccount& command);
Result<MailResult> run(Context& context, const SetQuota& command);
Result<MailResult> run(Context& context, const DeleteAccount& command);
Result<MailResult> run(Context& context, const QueueAdd& command);
Result<MailResult> run(Context& context, const QueueDone& command);
Result<MailResult> run(Context& context, const Expire& command);

}  // namespace everpost::storage::mail
