// Sets of UIDs as bytes, for the wire: of each range the distance from the end of the one before,
// and its length less one, as LEB128. "All of a million messages" takes 4 bytes; a mailbox of which
// every other message is gone takes 2 for each that is left.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "storage/machine/uid_set.h"

namespace everpost::cluster {

// The most that a packed set may take, and the most messages that a mailbox may have, to be sent
// from one node to another.
constexpr std::size_t kPackedUidsBytesMax = 8 << 20;
constexpr std::size_t kUidsMax = 16 << 20;

std::string pack(const storage::UidSet& uids);
std::string pack(std::span<const Uid> uids);  // ascending, each once

// Errors: kCorrupt (malformed), kLimit.
Result<storage::UidSet> unpack_set(std::string_view bytes);
Result<std::vector<Uid>> unpack_list(std::string_view bytes);

}  // namespace everpost::cluster
