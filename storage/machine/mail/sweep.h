// Housekeeping in small steps, as part of ordinary records: outcomes of operations that expired and
// messages of mailboxes that were deleted go a few at a time, however many there are. Expire does
// more at once, but one record never changes more keys than memory is sure to hold.
//
// A step is due by the op_id of a TXN, about every 64th: the same on every replica, with no counter
// to keep. It removes more outcomes than 64 TXNs leave behind.
#pragma once

#include "storage/machine/mail/context.h"

namespace everpost::storage::mail {

struct SweepStep {
  std::size_t ops = 0;       // outcomes
  std::size_t removals = 0;  // messages and tombstones
};
inline constexpr SweepStep kSweepOften{256, 256};
inline constexpr SweepStep kSweepOfExpire{10'000, 5'000};
inline constexpr std::size_t kUploadChunksPerExpire = 10'000;

inline bool sweep_is_due(const OpId& op) { return (op.random & 63) == 0; }

Result<void> sweep(Context& context, const SweepStep& step);

}  // namespace everpost::storage::mail
