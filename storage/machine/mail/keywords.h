// Keywords of a mailbox: each has a bit in the mailbox's messages, for good. Case is kept as the
// first user wrote it and makes no difference otherwise (RFC 3501 §2.3.2 leaves that to the
// server).
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "storage/machine/mail/values.h"

namespace everpost::storage::mail {

// RFC 3501 §9: flag-keyword is an atom. Errors: kInvalidArgument.
Result<void> check_flags(const Flags& flags);

std::optional<unsigned> find_keyword(const MailboxValue& mailbox, std::string_view name);

// The bits of `names` that the mailbox knows; with `missing`, the others are put there.
std::uint64_t known_bits(const MailboxValue& mailbox, const std::vector<std::string>& names,
                         std::vector<std::string>* missing = nullptr);
// Gives `names`, which the mailbox does not know, their bits. Errors: kLimit, without any change.
Result<std::uint64_t> add_keywords(MailboxValue& mailbox, const std::vector<std::string>& names);

std::vector<std::string> keyword_names(const MailboxValue& mailbox, std::uint64_t bits);

}  // namespace everpost::storage::mail
