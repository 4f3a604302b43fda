#include "storage/machine/mail/transfer.h"

#include "storage/machine/mail/keywords.h"
#include "storage/machine/mail/mailboxes.h"
#include "storage/machine/mail/messages.h"

namespace everpost::storage::mail {
namespace {

struct Found {
  Uid uid;
  std::string value;
};

// All of them first: source and target may be the same mailbox, and what is inserted must not be
// copied again.
Result<std::vector<Found>> collect(Context& context, MailboxId source, const UidSet& uids) {
  std::vector<Found> found;
  RETURN_IF_ERROR(visit_messages(context.txn, source, uids,
                                 [&](Uid uid, std::string_view value) -> Result<bool> {
                                   RETURN_IF_ERROR(count_change(context));
                                   found.push_back({uid, std::string(value)});
                                   return true;
                                 }));
  return found;
}

// Translates keyword bits of one mailbox into those of another, which learns them.
class KeywordMap {
 public:
  KeywordMap(Context& context, const MailboxValue& source, MailboxId target)
      : context_(context), source_(source.keywords), target_(target) {}

  Result<std::uint64_t> translate(std::uint64_t bits) {
    std::uint64_t translated = 0;
    for (unsigned i = 0; i < source_.size(); ++i) {
      if ((bits >> i & 1) == 0) continue;
      if (known_.size() <= i) known_.resize(source_.size());
      if (!known_[i]) {
        MailboxValue& target = context_.mailboxes.change(target_);
        known_[i] = find_keyword(target, source_[i]);
        if (!known_[i]) {
          RETURN_IF_ERROR(add_keywords(target, {source_[i]}));
          known_[i] = static_cast<unsigned>(target.keywords.size() - 1);
        }
      }
      translated |= std::uint64_t{1} << *known_[i];
    }
    return translated;
  }

 private:
  Context& context_;
  const std::vector<std::string> source_;
  const MailboxId target_;
  std::vector<std::optional<unsigned>> known_;
};

}  // namespace

Result<CopiedMessages> transfer(Context& context, MailboxId source, const UidSet& uids,
                                MailboxId target, bool move, bool enforce_quota) {
  ASSIGN_OR_RETURN(const MailboxValue* from, need_mailbox(context, source));
  ASSIGN_OR_RETURN(const MailboxValue* to, need_mailbox(context, target));
  if (from->account != to->account)
    return refuse(ErrorCode::kInvalidArgument, "the mailboxes are of different accounts");
  CopiedMessages copied;
  copied.uid_validity = to->uid_validity;
  ASSIGN_OR_RETURN(const std::vector<Found> found, collect(context, source, uids));
  if (found.empty()) return copied;

  const ModSeq added = next_modseq(context, from->account);
  if (move) copied.source_modseq = next_modseq(context, from->account);
  KeywordMap keywords(context, *from, target);
  for (const Found& message : found) {
    ASSIGN_OR_RETURN(const MessageValue original, MessageValue::decode(message.value));
    // What moves takes no more room than before.
    RETURN_IF_ERROR(check_room(context, target, original.size, enforce_quota && !move));
    MessageValue copy = original;
    ASSIGN_OR_RETURN(copy.keywords, keywords.translate(original.keywords));
    copy.modseq = added;
    copy.save_date = context.header.time;
    const Uid uid = insert_message(context, target, copy);
    if (move)
      remove_message(context, source, message.uid, original, message.value, copied.source_modseq);
    else
      RETURN_IF_ERROR(add_reference(context, original.body));
    copied.from.push_back(message.uid);
    copied.to.push_back(uid);
  }
  if (move) RETURN_IF_ERROR(trim_tombstones(context, source));
  return copied;
}

}  // namespace everpost::storage::mail
