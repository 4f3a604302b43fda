// The value of D/: docs/formats/index.md. Results are kept compactly; those of large COPYs and
// STOREs are ranges.
#include <array>

#include "storage/machine/mail/ops.h"
#include "storage/machine/mail/value_codec.h"

namespace everpost::storage::mail {
namespace {

constexpr std::uint8_t kFormat = 1;

// The codes a command can be refused with, by the number they are kept as, from 1 on. Only ever
// extended.
constexpr std::array kCodes{
    ErrorCode::kInvalidArgument, ErrorCode::kNotFound, ErrorCode::kAlreadyExists,
    ErrorCode::kOverQuota,       ErrorCode::kLimit,    ErrorCode::kConflict,
};

enum Tag : std::uint8_t {
  kDone = 0,
  kAdded = 1,
  kStored = 2,
  kExpunged = 3,
  kCopied = 4,
  kCreated = 5,
  kClaimed = 6,
  kQueued = 7,
};

std::uint8_t number_of(const std::optional<Error>& error) {
  if (!error) return 0;
  for (std::size_t i = 0; i < kCodes.size(); ++i)
    if (kCodes[i] == error->code) return static_cast<std::uint8_t>(i + 1);
  return 1;  // whatever else it was, trying again will not help
}
std::optional<Error> error_of(std::uint8_t number) {
  if (number == 0) return std::nullopt;
  const ErrorCode code = kCodes[number <= kCodes.size() ? number - 1 : 0];
  return Error{code, "as decided when the operation was first applied"};
}

// Ranges: count, then for each the distance from the end of the one before and the length less one.
void write(ValueWriter& to, const UidSet& uids) {
  to.varint(uids.ranges().size());
  std::uint32_t end = 0;
  for (const UidSet::Range& range : uids.ranges()) {
    to.varint(range.first.value - end);
    to.varint(range.last.value - range.first.value);
    end = range.last.value;
  }
}
UidSet read_uids(ValueReader& from) {
  UidSet uids;
  std::uint64_t end = 0;
  for (std::size_t n = from.count(2); n > 0; --n) {
    const std::uint64_t first = end + from.varint();
    const std::uint64_t last = first + from.varint();
    if (first == 0 || last < first || last > UINT32_MAX) {
      from.fail();
      return {};
    }
    uids.add(Uid{static_cast<std::uint32_t>(first)}, Uid{static_cast<std::uint32_t>(last)});
    end = last;
  }
  return uids;
}

void write(ValueWriter& to, const Done&) { to.fixed(std::uint8_t{kDone}); }
void write(ValueWriter& to, const std::vector<AddedMessage>& added) {
  to.fixed(std::uint8_t{kAdded});
  to.varint(added.size());
  for (const AddedMessage& message : added) {
    to.fixed(number_of(message.error));
    to.fixed(message.mailbox.value);
    to.fixed(message.uid_validity.value);
    to.fixed(message.uid.value);
    to.fixed(message.modseq.value);
  }
}
void write(ValueWriter& to, const StoredFlags& stored) {
  to.fixed(std::uint8_t{kStored});
  to.fixed(stored.modseq.value);
  write(to, stored.changed);
  write(to, stored.modified);
}
void write(ValueWriter& to, const Expunged& expunged) {
  to.fixed(std::uint8_t{kExpunged});
  to.fixed(expunged.modseq.value);
  write(to, expunged.uids);
}
void write(ValueWriter& to, const CopiedMessages& copied) {
  to.fixed(std::uint8_t{kCopied});
  to.fixed(copied.uid_validity.value);
  to.fixed(copied.source_modseq.value);
  // One command's copies have UIDs in a row.
  to.fixed(copied.to.empty() ? 0u : copied.to.front().value);
  write(to, UidSet::of(copied.from));
}
void write(ValueWriter& to, const CreatedMailbox& created) {
  to.fixed(std::uint8_t{kCreated});
  to.fixed(created.mailbox.value);
  to.fixed(created.uid_validity.value);
}
void write(ValueWriter& to, const ClaimedRecent& claimed) {
  to.fixed(std::uint8_t{kClaimed});
  to.fixed(claimed.first_recent.value);
}
void write(ValueWriter& to, const QueuedMessage& queued) {
  to.fixed(std::uint8_t{kQueued});
  to.fixed(queued.queue_id);
}

std::vector<AddedMessage> read_added(ValueReader& from) {
  std::vector<AddedMessage> added(from.count(25));
  for (AddedMessage& message : added) {
    message.error = error_of(from.fixed<std::uint8_t>());
    message.mailbox = MailboxId{from.fixed<std::uint64_t>()};
    message.uid_validity = UidValidity{from.fixed<std::uint32_t>()};
    message.uid = Uid{from.fixed<std::uint32_t>()};
    message.modseq = ModSeq{from.fixed<std::uint64_t>()};
  }
  return added;
}
StoredFlags read_stored(ValueReader& from) {
  StoredFlags stored;
  stored.modseq = ModSeq{from.fixed<std::uint64_t>()};
  stored.changed = read_uids(from);
  stored.modified = read_uids(from);
  return stored;
}
Expunged read_expunged(ValueReader& from) {
  Expunged expunged;
  expunged.modseq = ModSeq{from.fixed<std::uint64_t>()};
  expunged.uids = read_uids(from);
  return expunged;
}
CopiedMessages read_copied(ValueReader& from) {
  CopiedMessages copied;
  copied.uid_validity = UidValidity{from.fixed<std::uint32_t>()};
  copied.source_modseq = ModSeq{from.fixed<std::uint64_t>()};
  std::uint32_t to = from.fixed<std::uint32_t>();
  const UidSet uids = read_uids(from);
  if (uids.count() > MailLimits::messages) {  // it would not have been written
    from.fail();
    return {};
  }
  for (const UidSet::Range& range : uids.ranges())
    for (std::uint64_t uid = range.first.value; uid <= range.last.value; ++uid) {
      copied.from.push_back(Uid{static_cast<std::uint32_t>(uid)});
      copied.to.push_back(Uid{to++});
    }
  return copied;
}
CreatedMailbox read_created(ValueReader& from) {
  const MailboxId mailbox{from.fixed<std::uint64_t>()};
  return {mailbox, UidValidity{from.fixed<std::uint32_t>()}};
}

MailResult read_result(ValueReader& from) {
  switch (from.fixed<std::uint8_t>()) {
    case kDone:
      return Done{};
    case kAdded:
      return read_added(from);
    case kStored:
      return read_stored(from);
    case kExpunged:
      return read_expunged(from);
    case kCopied:
      return read_copied(from);
    case kCreated:
      return read_created(from);
    case kClaimed:
      return ClaimedRecent{Uid{from.fixed<std::uint32_t>()}};
    case kQueued:
      return QueuedMessage{from.fixed<std::uint64_t>()};
    default:
      from.fail();
      return Done{};
  }
}

}  // namespace

std::string encode_outcome(const MailOutcome& outcome) {
  ValueWriter to(kFormat);
  to.fixed(outcome.lsn.value);
  to.fixed(number_of(outcome.error));
  to.varint(outcome.results.size());
  for (const MailResult& result : outcome.results)
    std::visit([&](const auto& one) { write(to, one); }, result);
  return to.take();
}

Result<MailOutcome> decode_outcome(std::string_view value) {
  ValueReader from("outcome", value, kFormat);
  MailOutcome outcome;
  outcome.lsn = Lsn{from.fixed<std::uint64_t>()};
  outcome.error = error_of(from.fixed<std::uint8_t>());
  outcome.repeated = true;
  outcome.results.resize(from.count(1));
  for (MailResult& result : outcome.results) result = read_result(from);
  RETURN_IF_ERROR(from.done());
  return outcome;
}

}  // namespace everpost::storage::mail
