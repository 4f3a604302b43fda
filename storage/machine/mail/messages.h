// Messages of a mailbox: the one place where U/, Q/, V/, G/ and the counters of mailbox and account
// change, always together.
#pragma once

#include <functional>

#include "storage/machine/mail/context.h"

namespace everpost::storage::mail {

// Visits the messages of `uids` that exist, ascending, until `visit` returns false. `visit` may
// change the keys of the message it got.
using VisitMessage = std::function<Result<bool>(Uid uid, std::string_view value)>;
Result<void> visit_messages(const IndexView& index, MailboxId mailbox, const UidSet& uids,
                            const VisitMessage& visit);

// Whether a message of `size` bytes may be inserted into a mailbox that was found before. Errors:
// kLimit (out of UIDs), kOverQuota.
Result<void> check_room(Context& context, MailboxId mailbox, std::uint64_t size,
                        bool enforce_quota);

// Gives `message` the next UID of the mailbox, which has room, and puts it there. Its modseq is set
// and its body counted by the caller.
Uid insert_message(Context& context, MailboxId mailbox, const MessageValue& message);

// Takes a message out; `value` is its encoded value, `modseq` that of the removal. The reference to
// its body stays the caller's.
void remove_message(Context& context, MailboxId mailbox, Uid uid, const MessageValue& message,
                    std::string_view value, ModSeq modseq);

// Replaces flags, keywords and modseq.
void change_message(Context& context, MailboxId mailbox, Uid uid, const MessageState& before,
                    const MessageState& now, std::string_view value);

// Counts a message that a client's command changes. Errors: kLimit, if the TXN changes too many.
Result<void> count_change(Context& context);

// The mailbox has changed at `modseq`.
void advance(Context& context, MailboxId mailbox, ModSeq modseq);

// Forgets the oldest tombstones once the mailbox has too many of them (H37).
inline constexpr std::uint32_t kTombstonesMax = 100'000;
inline constexpr std::uint32_t kTombstonesSlack = 10'000;  // so that it is not done all the time
Result<void> trim_tombstones(Context& context, MailboxId mailbox);

}  // namespace everpost::storage::mail
